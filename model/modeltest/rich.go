package modeltest

import (
	"slices"
	"strings"
	"time"

	"github.com/ipctop/ipctop/model"
)

// Taken is the time of the snapshot [Rich].
var Taken = time.Date(2025, 3, 1, 12, 3, 11, 123456789, time.UTC)

// The hostile names in [Rich].
var (
	Escapes = "\x1b]0;owned\x07\x1b[2J\u009b31m\x7f\r\nrow: 2\t\\"
	Invalid = "caf\xe9\xff\xc3"
	Bidi    = "abc\u202egnp.exe\u2066\u200d"
	CJK     = "数据库服务器"
	Zalgo   = "z" + strings.Repeat("\u0301", 40)
	Long    = "/run/" + strings.Repeat("0123456789abcdef", 256)
)

// Rich returns a hand-made snapshot with something of everything. Golden files are made from
// it, so a new kind is not added to it: properties of every kind are tested with the list
// of [model.Kinds].
func Rich() *model.Snapshot {
	s := &model.Snapshot{
		Schema: model.Schema, Taken: Taken,
		Host: model.Host{
			Hostname: "db1", BootID: "6d9f3c9e-0000-4000-8000-000000000000", Kernel: "6.8.0", Arch: "x86_64",
			Namespaces: map[string]uint64{"ipc": 4026531839, "net": 4026531840},
		},
		Scan: model.Scan{
			Duration: 84e6, EUID: 1000, Backends: map[string]string{"unix": "unix_diag"},
			Probes:    map[string]model.ProbeReport{"pipe": {Duration: 1}},
			Processes: 231, ProcessesUnreadable: 41,
			Rates: &model.RatesReport{Duration: 2e9, Source: model.RatesCounted, IOUring: true, Functions: true, Lost: 3, Cost: model.Some(model.Ratio(0.013)), UnknownBytes: 100, UnknownCalls: 2},
		},
		Gaps: []model.Gap{
			{Probe: "fd", Reason: model.Denied, PID: 1, Op: "readlink", Path: "/proc/1/fd", Detail: "permission denied", Count: 281},
			{Probe: "sysv", Reason: model.Malformed, Path: "/proc/sysvipc/shm", Detail: "line 3: bad size \"\x1b[2J\"", Count: 1},
		},
		Limits: []model.Limit{
			{Name: "kernel.msgmnb", Kind: model.SysvMsg, Max: model.Some(int64(16384)), Unit: "bytes"},
			{
				Name: "kernel.shmmni", Kind: model.SysvShm, Used: model.Some(int64(4096)), Max: model.Some(int64(4096)), Unit: "segments",
				Scope: &model.LimitScope{NS: 4026531839},
			},
			{Name: "RLIMIT_NOFILE", Used: model.Some(int64(947)), Max: model.Some(int64(1024)), Unit: "descriptors", Scope: &model.LimitScope{PID: 812}},
			{Name: "RLIMIT_NOFILE", Used: model.Some(int64(3)), Max: model.Some(int64(1024)), Unit: "descriptors", Scope: &model.LimitScope{PID: 813}},
			{
				Name: "RLIMIT_MSGQUEUE", Used: model.Some(int64(0)), Unlimited: true, Estimated: true, Unit: "bytes",
				Scope: &model.LimitScope{UID: model.Some(0)},
			},
		},
		Processes: processes(),
		Objects:   append(append(channels(), sockets()...), sysv()...),
		Waits: []model.Wait{{
			PID: 812, TID: 812, Comm: "yes", Call: "write", Needs: "space", Object: "pipe:4242", BlockedFor: model.Some(int64(192e9)),
			AgeSource: "sched", Confirmed: true, Blockers: []model.Blocker{{PID: 813, Comm: "less", Confidence: model.Certain, Why: "reads it"}},
			Clauses: [][]int{{813}}, Target: &model.Target{FD: model.Some(1), Address: 0x7ffdeadbeef0},
			Wakeups: &model.Wakeups{
				Since: Taken.Add(-time.Hour), Count: 412, Waited: 3e9, Usual: 3072e3, Last: Taken.Add(-196200 * time.Millisecond),
				WokenBy: "process", PID: 813, TID: 813, Comm: "less",
			},
		}},
		Traffic: traffic(),
		Findings: []model.Finding{{
			ID: "pipe-full:813:pipe:4242", Rule: "pipe-full", Title: "pipe full", Severity: model.Warning, Confidence: model.Likely,
			LoweredBy: []string{"41 processes hidden"}, Since: Taken.Add(-192 * time.Second), Summary: "yes(812) waits for less(813)",
			Root: &model.Root{PID: 813, Comm: "less", Doing: "idle"}, Victims: []int{812}, Chain: []model.Step{{PID: 812, TID: 812, Comm: "yes", Object: "pipe:4242", Relation: "writes to fd 1"}}, PIDs: []int{812, 813}, Objects: []string{"pipe:4242"},
			Evidence: []model.Evidence{{Source: "/proc/812/syscall", Text: "1 0x1"}},
			Actions:  []model.Action{{Argv: []string{"kill", "813"}, Effect: "ends less", Risk: "ends-process"}},
		}},
	}
	s.Objects = append(s.Objects, bare(s.Objects)...)
	s.Links = model.MakeLinks(s.Objects)
	return s
}

// traffic returns the traffic of an object with one sender and one receiver, and of one without
// bytes for which it is not certain who sends and who receives.
func traffic() []model.Traffic {
	operations := &model.Flow{Calls: model.Some(int64(9)), CallsPerSecond: model.Some(int64(5))}
	return []model.Traffic{{
		Object: "pipe:4242", Kind: model.Pipe, Sent: flow(2<<20, 512), Received: flow(1<<20, 300),
		Processes: []model.ProcessTraffic{{PID: 812, Comm: "yes", Sent: flow(2<<20, 512)}, {PID: 813, Comm: "less", Received: flow(1<<20, 300)}},
		Pairs:     []model.PairTraffic{{From: 812, FromComm: "yes", To: 813, ToComm: "less", BytesPerSecond: model.Some(int64(1 << 20)), CallsPerSecond: model.Some(int64(256))}},
	}, {
		Object: "sysv-sem:5", Kind: model.SysvSem, Sent: operations,
		Processes: []model.ProcessTraffic{{PID: 9, Comm: "nginx", Sent: operations}}, Pairs: []model.PairTraffic{},
	}}
}

// flow returns the amount in one direction in two seconds.
func flow(bytes, calls int64) *model.Flow {
	return &model.Flow{
		Bytes: model.Some(bytes), BytesPerSecond: model.Some(bytes / 2), Calls: model.Some(calls), CallsPerSecond: model.Some(calls / 2),
	}
}

// bare returns an object in which everything is unknown for each kind that is in the golden
// files and has no object in the list.
func bare(objects []*model.Object) []*model.Object {
	var list []*model.Object
	for _, kind := range []model.Kind{
		model.FIFO, model.Unix, model.TCP, model.UDP, model.Raw, model.ICMP, model.Packet, model.Netlink, model.Vsock, model.Socket, model.Pty,
		model.SysvMsg, model.SysvSem, model.SysvShm, model.PosixMq, model.PosixSem, model.PosixShm, model.ShmAnon, model.Memfd, model.File,
		model.Eventfd, model.Epoll, model.Signalfd, model.Timerfd, model.Inotify, model.Fanotify, model.Pidfd, model.IOUring, model.Userfaultfd,
		model.Futex,
	} {
		if slices.ContainsFunc(objects, func(o *model.Object) bool { return o.Kind == kind }) {
			continue
		}
		info, _ := model.LookupKind(kind)
		list = append(list, &model.Object{ID: string(kind) + ":1", Kind: kind, Detail: info.NewDetail()})
	}
	return list
}

func processes() []*model.Process {
	names := []struct {
		pid  int
		comm string
		user string
	}{
		{1, "systemd", "root"},
		{9, "nginx", "www"},
		{10, "nginx", "www"},
		{12, "php", "www"},
		{20, Escapes[:15], "evil\nuser"},
		{21, Invalid, ""},
		{22, CJK, "数据"},
		{812, "yes", "ann"},
		{813, "less", "ann"},
	}
	var list []*model.Process
	for _, n := range names {
		list = append(list, &model.Process{
			PID: n.pid, StartTicks: uint64(n.pid), StartTime: Taken.Add(-time.Hour), PPID: 1, PGID: n.pid, SID: n.pid, Comm: n.comm, Label: n.comm,
			UID: model.Some(n.pid), User: n.user, State: "S", Threads: 1, Cmdline: []string{n.comm, "-x", "it's"},
		})
	}
	list[0].FDs = model.Some(0) // a known zero
	list[1].Container = &model.Container{ID: "0123456789ab", Name: "web"}
	list[1].Namespaces = map[string]uint64{"ipc": 4026532001}
	list[1].Exe = "/usr/sbin/nginx"
	list[7].State, list[7].TTY, list[7].Unit = "T", "pts/0", "user@1000.service"
	list[7].Signals = &model.Signals{
		Blocked: []string{"SIGINT", "SIGRTMIN+1"}, Pending: []string{"SIGTERM"}, Queued: model.Some(int64(2)), QueueLimit: model.Some(int64(2)),
	}
	list[8].ThreadList = []model.Thread{{TID: 813, Comm: "less", State: "S", Wchan: "pipe_read"}, {TID: 814, Comm: Invalid, State: "D"}}
	return list
}

func fd(pid int32, comm string, n int32, access model.Access) model.Holder {
	return model.Holder{PID: pid, Comm: comm, Via: model.ViaFD, FD: model.Some(n), Access: access}
}

func channels() []*model.Object {
	pipe := func(id string, queued, capacity int64, complete bool, holders ...model.Holder) *model.Object {
		d := &model.PipeDetail{}
		if capacity > 0 {
			d.Queued, d.Capacity = model.Some(queued), model.Some(capacity)
		}
		return &model.Object{
			ID: "pipe:" + id, Kind: model.Pipe, Name: "pipe:[" + id + "]", Ino: 4242, Fill: model.NewRatio(d.Queued, d.Capacity),
			Holders: holders, HoldersComplete: complete, Detail: d,
		}
	}
	var many []model.Holder
	for i := range int32(17) {
		comm := "nginx"
		if i > 4 {
			comm = "w" + string(rune('a'+i))
		}
		many = append(many, fd(900+i, comm, 1, model.Read))
	}
	inFlight := model.Holder{Via: model.ViaInFlight, Access: model.Read, Extent: &model.Extent{Object: "unix:17"}}
	shared := fd(812, "yes", 1, model.Write)
	shared.OFD = model.OFD{PID: 811, FD: 1}
	return []*model.Object{
		pipe("4242", 65536, 65536, true, shared, fd(813, "less", 0, model.Read)),
		pipe("4243", 0, 65536, true, fd(812, "yes", 4, model.Write)),
		pipe("4244", 0, 0, false, fd(813, "less", 4, model.Read)),
		pipe("4245", 12, 4096, true, append([]model.Holder{fd(20, Escapes[:15], 3, model.Write)}, many...)...),
		pipe("4246", 100, 4096, true, inFlight, fd(21, Invalid, 3, model.Write)),
		{
			ID: "fifo:8:1:77", Kind: model.FIFO, Name: "/tmp/" + CJK + "/" + Bidi, Path: "/tmp/" + CJK + "/" + Bidi, Deleted: true, Dev: "8:1",
			Ino: 1<<63 + 1, UID: model.Some(0), GID: model.Some(0), Mode: "0600", Holders: []model.Holder{fd(22, CJK, 3, model.ReadWrite)},
			HoldersComplete: true, Detail: &model.PipeDetail{Queued: model.Some(int64(0)), Capacity: model.Some(int64(1 << 20))},
		},
		{ID: "fifo:8:1:78", Kind: model.FIFO, Name: Escapes, Path: Escapes, Detail: &model.PipeDetail{}},
	}
}

func sockets() []*model.Object {
	n := func(v int64) model.Opt[int64] { return model.Some(v) }
	return []*model.Object{
		{
			ID: "unix:17", Gen: "1a", Kind: model.Unix, Name: "/run/x.sock", Ino: 17, Holders: []model.Holder{fd(9, "nginx", 3, model.ReadWrite)},
			HoldersComplete: true, Peers: []model.Peer{{ID: "unix:18", Confidence: model.Certain}},
			Detail: &model.UnixDetail{Type: "stream", State: "established", Path: "/run/x.sock", RecvQueue: n(0), SendQueue: n(212992), SendBuffer: n(212992), Shutdown: "w"},
		},
		{
			ID: "unix:18", Kind: model.Unix, Holders: []model.Holder{fd(12, "php", 3, model.ReadWrite)}, HoldersComplete: true,
			Peers: []model.Peer{{ID: "unix:17", Confidence: model.Certain}}, Detail: &model.UnixDetail{Type: "stream", State: "established"},
		},
		{
			ID: "unix:19@4026532001", Kind: model.Unix, Name: "@" + Escapes, Namespace: &model.Namespace{Type: "net", Inode: 4026532001},
			Holders: []model.Holder{fd(9, "nginx", 4, model.ReadWrite), fd(10, "nginx", 4, model.ReadWrite)},
			Detail:  &model.UnixDetail{Type: "stream", State: "listen", Abstract: Escapes, Backlog: n(129), BacklogMax: n(128), Pending: []string{"unix:20"}},
		},
		{ID: "unix:20", Kind: model.Unix, Name: Long, Detail: &model.UnixDetail{Path: Long}},
		{
			ID: "tcp:30", Kind: model.TCP, Name: "127.0.0.1:5432", Holders: []model.Holder{fd(12, "php", 5, model.ReadWrite)}, HoldersComplete: true,
			Peers:  []model.Peer{{ID: "tcp:31", Confidence: model.Likely}},
			Detail: &model.InetDetail{State: "ESTAB", Local: "127.0.0.1:40000", Remote: "127.0.0.1:5432", RecvQueue: n(1536), SendQueue: n(0), LastRecv: n(3e9)},
		},
		{
			ID: "tcp:31", Kind: model.TCP, Peers: []model.Peer{{ID: "tcp:30", Confidence: model.Likely}},
			Detail: &model.InetDetail{State: "ESTAB", Local: "127.0.0.1:5432", Remote: "127.0.0.1:40000"},
		},
		{ID: "tcp:32", Kind: model.TCP, Holders: []model.Holder{fd(12, "php", 6, model.ReadWrite)}, Detail: &model.InetDetail{State: "ESTAB", Local: "10.0.0.1:40001", Remote: "203.0.113.7:443"}},
		{ID: "udp:40", Kind: model.UDP, Detail: &model.InetDetail{State: "UNCONN", Local: "[::]:53", Remote: "*:*"}},
		{ID: "raw:41", Kind: model.Raw, Detail: &model.InetDetail{Protocol: "ospf"}},
		{ID: "icmp:42", Kind: model.ICMP, Detail: &model.InetDetail{}},
		{ID: "packet:43", Kind: model.Packet, Detail: &model.PacketDetail{Type: "raw", Protocol: "0003", Interface: model.Some(0), Running: model.Some(false)}},
		{ID: "netlink:44", Kind: model.Netlink, Detail: &model.NetlinkDetail{Protocol: "route", PortID: n(0), Drops: n(3)}},
		{ID: "vsock:45", Kind: model.Vsock, Detail: &model.VsockDetail{State: "LISTEN", Type: "stream", Local: "2:1024"}},
		{ID: "socket:46", Kind: model.Socket, Detail: &model.SocketDetail{Protocol: "TCPv6"}},
	}
}

func sysv() []*model.Object {
	n := func(v int64) model.Opt[int64] { return model.Some(v) }
	attach := func(pid int32, comm string) model.Holder {
		return model.Holder{PID: pid, Comm: comm, Via: model.ViaAttach, Access: model.ReadWrite, Extent: &model.Extent{Address: 0x7f0000000000, Size: n(64 << 20)}}
	}
	return []*model.Object{
		{
			ID: "sysv-msg:0", Kind: model.SysvMsg, Name: "0x000004d2", SysvID: model.Some(0), UID: model.Some(0), Mode: "0600",
			Detail: &model.SysvMsgDetail{
				Key: "0x000004d2", Messages: n(4), Bytes: n(16384), MaxBytes: n(16384), LastSendPID: model.Some(812),
				LastRecvPID: model.Some(5000), SendTime: Taken.Add(-3 * time.Minute),
			},
		},
		{
			ID: "sysv-sem:5", Kind: model.SysvSem, SysvID: model.Some(5),
			Detail: &model.SysvSemDetail{Key: "0x00000000", Count: model.Some(2), Sems: []model.Sem{
				{Value: model.Some(0), NCount: model.Some(2), ZCount: model.Some(0)}, {},
			}},
		},
		{ID: "sysv-sem:6", Kind: model.SysvSem, SysvID: model.Some(6), Detail: &model.SysvSemDetail{Count: model.Some(1)}},
		{
			ID: "sysv-shm:32771", Kind: model.SysvShm, SysvID: model.Some(32771), Name: "0x01020304", Mode: "0666", UID: model.Some(1000),
			Holders: []model.Holder{attach(9, "nginx"), attach(10, "nginx"), attach(12, "php")}, HoldersComplete: true,
			Detail: &model.SysvShmDetail{Key: "0x01020304", Size: n(64 << 20), Attached: n(3), MarkedForRemoval: model.Some(true), CreatorPID: model.Some(9), CreatorUID: model.Some(0)},
		},
		{
			ID: "sysv-shm:32772@4026532001", Kind: model.SysvShm, SysvID: model.Some(32772), HoldersComplete: true,
			Namespace: &model.Namespace{Type: "ipc", Inode: 4026532001},
			Detail:    &model.SysvShmDetail{Size: n(4096), Attached: n(0), MarkedForRemoval: model.Some(false), DetachTime: Taken.Add(-52 * time.Hour)},
		},
	}
}
