//go:build amd64 || arm64

package sysv

import (
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/probe/probetest"
	"github.com/ipctop/ipctop/proc"
)

// find returns the object of a namespace (0: ipctop's own).
func find(t *testing.T, s *model.Snapshot, kind model.Kind, id int, ns uint64) *model.Object {
	t.Helper()
	want := probe.NS{Inode: ns, Own: ns == 0 || ns == s.Host.Namespaces["ipc"]}.ID(kind, uint64(id))
	return probetest.Object(t, s, want)
}

func recent(tm time.Time) bool { return time.Since(tm) < time.Minute && time.Until(tm) < time.Minute }

func TestLiveMsg(t *testing.T) {
	id := newObject(t, unix.SYS_MSGGET, unix.SYS_MSGCTL, unix.IPC_PRIVATE, 0o640, 0)
	for _, size := range []int{5, 7} {
		if errno := send(id, size); errno != 0 {
			t.Fatal(errno)
		}
	}
	s := probetest.Scan(t, Msg(), Sem(), Shm())
	o := find(t, s, model.SysvMsg, id, 0)
	d := o.Detail.(*model.SysvMsgDetail)
	if d.Messages != model.Some[int64](2) || d.Bytes != model.Some[int64](12) || d.LastSendPID != model.Some(os.Getpid()) ||
		d.LastRecvPID != model.Some(0) || !recent(d.SendTime) || !d.RecvTime.IsZero() || !recent(d.ChangeTime) {
		t.Errorf("detail %+v", d)
	}
	limit, _ := os.ReadFile("/proc/sys/kernel/msgmnb")
	if want := strings.TrimSpace(string(limit)); want != model.Big(d.MaxBytes.Or(0)).String() {
		t.Errorf("limit %v, want %s", d.MaxBytes, want)
	}
	if f, ok := o.Fill.Get(); !ok || float64(f) != 12/float64(d.MaxBytes.Or(1)) {
		t.Errorf("fill %v", o.Fill)
	}
	if o.Mode != "0640" || o.UID != model.Some(os.Geteuid()) || o.Name != "private" || o.Gen == "" ||
		o.Namespace == nil || o.Namespace.Inode != s.Host.Namespaces["ipc"] {
		t.Errorf("object %+v", o)
	}
	if o.HoldersComplete {
		t.Error("the kernel does not record who uses a queue, so holders are never complete")
	}
	if s.Scan.Backends["sysv-msg"] != "msgctl" {
		t.Errorf("backends %v", s.Scan.Backends)
	}
}

func TestLiveSem(t *testing.T) {
	id := newObject(t, unix.SYS_SEMGET, unix.SYS_SEMCTL, unix.IPC_PRIVATE, 3, 0o600)
	if errno := semop(id, sembuf{num: 0, op: 5}, sembuf{num: 2, op: 1}); errno != 0 {
		t.Fatal(errno)
	}
	// Two wait for the second to increase, one for the first to be zero.
	done := make(chan unix.Errno, 3)
	for _, op := range []sembuf{{num: 1, op: -1}, {num: 1, op: -2}, {num: 0, op: 0}} {
		go func() { done <- semop(id, op) }()
	}
	defer func() {
		call(unix.SYS_SEMCTL, uintptr(id), 0, unix.IPC_RMID)
		for range 3 {
			<-done
		}
	}()
	want := []model.Sem{
		{Value: model.Some(5), NCount: model.Some(0), ZCount: model.Some(1), LastPID: model.Some(os.Getpid())},
		{Value: model.Some(0), NCount: model.Some(2), ZCount: model.Some(0), LastPID: model.Some(0)},
		{Value: model.Some(1), NCount: model.Some(0), ZCount: model.Some(0), LastPID: model.Some(os.Getpid())},
	}
	var d *model.SysvSemDetail
	for range 50 {
		d = find(t, probetest.Scan(t, Msg(), Sem(), Shm()), model.SysvSem, id, 0).Detail.(*model.SysvSemDetail)
		if slices.Equal(d.Sems, want) {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if !slices.Equal(d.Sems, want) {
		t.Errorf("got  %+v\nwant %+v", d.Sems, want)
	}
	if d.Count != model.Some(3) || !recent(d.OpTime) || !recent(d.ChangeTime) {
		t.Errorf("detail %+v", d)
	}
}

func TestLiveSemDenied(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may read every set; the test is for everyone else")
	}
	// Not even the user who made a set may read it with mode 0200.
	id := newObject(t, unix.SYS_SEMGET, unix.SYS_SEMCTL, unix.IPC_PRIVATE, 4, 0o200)
	s := probetest.Scan(t, Msg(), Sem(), Shm())
	o := find(t, s, model.SysvSem, id, 0)
	d := o.Detail.(*model.SysvSemDetail)
	if d.Sems != nil || d.Count != model.Some(4) {
		t.Errorf("detail %+v", d)
	}
	n := 0
	for _, g := range s.Gaps {
		if g.Object == o.ID && g.Reason == model.Denied {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d gaps for the set, want 1: %+v", n, s.Gaps)
	}
}

func TestLiveShm(t *testing.T) {
	const key, size = 0x69706374, 10000
	id := newObject(t, unix.SYS_SHMGET, unix.SYS_SHMCTL, key, size, unix.IPC_CREAT|unix.IPC_EXCL|0o606)
	o := find(t, probetest.Scan(t, Msg(), Sem(), Shm()), model.SysvShm, id, 0)
	d := o.Detail.(*model.SysvShmDetail)
	if d.Attached != model.Some[int64](0) || len(o.Holders) != 0 || !o.HoldersComplete || !d.AttachTime.IsZero() ||
		d.LastPID != model.Some(0) || d.MarkedForRemoval != model.Some(false) {
		t.Errorf("before: %+v %+v", o, d)
	}
	mem, err := unix.SysvShmAttach(id, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.SysvShmDetach(mem)
	mem[0] = 1
	a := startActor(t, 0)
	a.do("shmat %d", id)
	a.do("shmat %d", id)

	s := probetest.Scan(t, Msg(), Sem(), Shm())
	o = find(t, s, model.SysvShm, id, 0)
	d = o.Detail.(*model.SysvShmDetail)
	if o.Name != "0x69706374" || o.Mode != "0606" || d.Size != model.Some[int64](size) || d.Attached != model.Some[int64](3) ||
		d.CreatorPID != model.Some(os.Getpid()) || d.CreatorUID != model.Some(os.Geteuid()) || d.LastPID != model.Some(int(a.pid)) || d.RSS != model.Some(int64(os.Getpagesize())) ||
		d.Swap != model.Some[int64](0) || !recent(d.AttachTime) || !d.DetachTime.IsZero() {
		t.Errorf("object %+v\ndetail %+v", o, d)
	}
	got := map[int32]int{}
	for _, h := range o.Holders {
		got[h.PID]++
		if h.Via != model.ViaAttach || h.Access != model.ReadWrite || h.Extent == nil || h.Size != model.Some[int64](12288) || h.Flags != nil {
			t.Errorf("holder %+v %+v", h, h.Extent)
		}
	}
	if got[int32(os.Getpid())] != 1 || got[a.pid] != 2 || len(got) != 2 || !o.HoldersComplete {
		t.Errorf("holders %v, complete %v", got, o.HoldersComplete)
	}

	call(unix.SYS_SHMCTL, uintptr(id), unix.IPC_RMID, 0)
	o = find(t, probetest.Scan(t, Msg(), Sem(), Shm()), model.SysvShm, id, 0)
	d = o.Detail.(*model.SysvShmDetail)
	if d.MarkedForRemoval != model.Some(true) || !o.Deleted || o.Name != "0x69706374" || d.Key != "0x00000000" || len(o.Holders) != 3 {
		t.Errorf("after IPC_RMID: %+v %+v", o, d)
	}
}

// The two interfaces must agree.
func TestLiveTextAgrees(t *testing.T) {
	ns := probe.NS{Type: "ipc", Own: true, Scan: &probe.Scan{ProcRoot: "/proc", PIDCalls: true}}
	ids := map[*mechanism]int{
		msgMechanism: newObject(t, unix.SYS_MSGGET, unix.SYS_MSGCTL, 0x6d736771, unix.IPC_CREAT|0o620, 0),
		semMechanism: newObject(t, unix.SYS_SEMGET, unix.SYS_SEMCTL, 0x73656d73, 2, unix.IPC_CREAT|0o602),
		shmMechanism: newObject(t, unix.SYS_SHMGET, unix.SYS_SHMCTL, 0x73686d73, 5000, unix.IPC_CREAT|0o666),
	}
	send(ids[msgMechanism], 3)
	semop(ids[semMechanism], sembuf{num: 1, op: 1})
	for m, id := range ids {
		var out probe.Collector
		text, err := m.text(ns, &out)
		if err != nil {
			t.Fatal(err)
		}
		list, err := m.listing.list()
		if err != nil {
			t.Fatal(err)
		}
		byID := func(r record) bool { return r.id() == id }
		i, k := slices.IndexFunc(text, byID), slices.IndexFunc(list, byID)
		if i < 0 || k < 0 {
			t.Fatalf("%s %d: text %d, call %d", m.kind, id, i, k)
		}
		for c := range columns {
			v, ok1 := text[i].opt(c).Get()
			w, ok2 := list[k].opt(c).Get()
			if ok1 && ok2 && v != w {
				t.Errorf("%s: column %d: text %d, call %d", m.kind, c, v, w)
			}
		}
	}
}

func TestLiveNamespace(t *testing.T) {
	probetest.NeedRoot(t, "making an IPC namespace needs CAP_SYS_ADMIN")
	a, b := startActor(t, unix.CLONE_NEWIPC), startActor(t, unix.CLONE_NEWIPC)
	ids := map[*actor]int{}
	for _, x := range []*actor{a, b} {
		ids[x] = x.do("shmget 0 4096")
		x.do("shmat %d", ids[x])
		x.do("msgget 0x99")
		x.do("semget 0x98 2")
	}
	if ids[a] != ids[b] {
		t.Fatalf("first segments of two namespaces: %d and %d", ids[a], ids[b])
	}
	s := probetest.Scan(t, Msg(), Sem(), Shm())
	for _, x := range []*actor{a, b} {
		o := find(t, s, model.SysvShm, ids[x], x.ipc())
		if len(o.Holders) != 1 || o.Holders[0].PID != x.pid || o.Holders[0].Flags != nil || !o.HoldersComplete {
			t.Errorf("%s: %+v", o.ID, o.Holders)
		}
		if o.Namespace.Inode != x.ipc() {
			t.Errorf("%s is of namespace %+v", o.ID, o.Namespace)
		}
		find(t, s, model.SysvMsg, 0, x.ipc())
		sems := find(t, s, model.SysvSem, 0, x.ipc()).Detail.(*model.SysvSemDetail)
		if len(sems.Sems) != 2 || sems.Sems[0].LastPID != model.Some(0) {
			t.Errorf("sems %+v", sems)
		}
	}
}

// A process that attached in one namespace and then moved to another, where a
// segment has the same number and key.
func TestLiveMovedProcess(t *testing.T) {
	probetest.NeedRoot(t, "making an IPC namespace needs CAP_SYS_ADMIN")
	a, b, mover := startActor(t, unix.CLONE_NEWIPC), startActor(t, unix.CLONE_NEWIPC), startActor(t, 0)
	ida, idb := a.do("shmget 0 4096"), b.do("shmget 0 4096")
	if ida != idb {
		t.Fatalf("segments %d and %d", ida, idb)
	}
	b.do("shmat %d", idb)
	mover.do("setns /proc/%d/ns/ipc", a.pid)
	mover.do("shmat %d", ida)
	mover.do("setns /proc/%d/ns/ipc", b.pid)
	s := probetest.Scan(t, Msg(), Sem(), Shm())
	oa, ob := find(t, s, model.SysvShm, ida, a.ipc()), find(t, s, model.SysvShm, idb, b.ipc())
	if len(oa.Holders) != 1 || oa.Holders[0].PID != mover.pid || !slices.Equal(oa.Holders[0].Flags, []string{flagOtherNamespace}) {
		t.Errorf("%s: %+v", oa.ID, oa.Holders)
	}
	if len(ob.Holders) != 1 || ob.Holders[0].PID != b.pid {
		t.Errorf("%s: %+v", ob.ID, ob.Holders)
	}

	// It is attached to both, and nothing tells which is which: neither may be claimed.
	other := startActor(t, 0)
	other.do("setns /proc/%d/ns/ipc", a.pid)
	otherID := other.do("shmget 0 8192")
	other.do("setns /proc/%d/ns/ipc", b.pid)
	idOtherB := other.do("shmget 0 8192")
	if otherID != idOtherB {
		t.Skipf("segments %d and %d", otherID, idOtherB)
	}
	other.do("shmat %d", idOtherB)
	other.do("setns /proc/%d/ns/ipc", a.pid)
	other.do("shmat %d", otherID)
	s = probetest.Scan(t, Msg(), Sem(), Shm())
	oa, ob = find(t, s, model.SysvShm, otherID, a.ipc()), find(t, s, model.SysvShm, idOtherB, b.ipc())
	if len(oa.Holders)+len(ob.Holders) != 0 || oa.HoldersComplete || ob.HoldersComplete {
		t.Errorf("ambiguous: %+v %v, %+v %v", oa.Holders, oa.HoldersComplete, ob.Holders, ob.HoldersComplete)
	}
	if !slices.ContainsFunc(s.Gaps, func(g model.Gap) bool { return g.Op == "attribute" && g.PID == int(other.pid) }) {
		t.Errorf("no gap says so: %+v", s.Gaps)
	}
}

// A segment of a namespace in which only a thread of a process is left is found
// through that thread, and keeps the attachment that was made there.
func TestLiveNamespaceOfThread(t *testing.T) {
	probetest.NeedRoot(t, "making an IPC namespace needs CAP_SYS_ADMIN")
	a := startActor(t, unix.CLONE_NEWIPC)
	id, first := a.do("shmget 0x55 4096"), a.ipc()
	a.do("shmat %d", id)
	a.do("unshare")
	a.do("shmget 0x55 4096")
	s := probetest.Scan(t, Msg(), Sem(), Shm())
	if o := find(t, s, model.SysvShm, id, a.ipc()); len(o.Holders) != 0 {
		t.Errorf("%s has %+v, which is attached to another", o.ID, o.Holders)
	}
	if o := find(t, s, model.SysvShm, id, first); len(o.Holders) != 1 || o.Holders[0].PID != int32(a.pid) {
		t.Errorf("%s has %+v, not its attachment", o.ID, o.Holders)
	}
}

// A user who may not look into processes still learns from the kernel's count
// whether the list of holders is complete.
func TestLiveHiddenAttacher(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to give up its rights")
	}
	id := newObject(t, unix.SYS_SHMGET, unix.SYS_SHMCTL, unix.IPC_PRIVATE, 4096, 0o666)
	nobody := startActorAs(t, &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}})
	if got := nobody.do("scan %d", id); got != 0 {
		t.Errorf("nobody is attached: got %d, want 0 holders, complete", got)
	}
	a := startActor(t, 0)
	a.do("shmat %d", id)
	if got := nobody.do("scan %d", id); got != -1 {
		t.Errorf("root is attached: got %d, want 0 holders, not complete", got)
	}
	nobody.do("shmat %d", id)
	if got := nobody.do("scan %d", id); got != -2 {
		t.Errorf("root and nobody are attached: got %d, want 1 holder, not complete", got)
	}
}

func TestLiveDevice(t *testing.T) {
	if !slices.Contains(kernelDevices(), proc.Dev(0, 1)) {
		t.Logf("segments live on %v", kernelDevices())
	}
	id := newObject(t, unix.SYS_SHMGET, unix.SYS_SHMCTL, unix.IPC_PRIVATE, 4096, 0o600)
	mem, err := unix.SysvShmAttach(id, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.SysvShmDetach(mem)
	if o := find(t, probetest.Scan(t, Msg(), Sem(), Shm()), model.SysvShm, id, 0); len(o.Holders) != 1 {
		t.Errorf("holders %+v", o.Holders)
	}
}
