package query

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/ipctop/ipctop/model"
)

const (
	ownNet   = 4026531840
	otherNet = 4026532000
	webID    = "3f2a9c0d1e4b3f2a9c0d1e4b3f2a9c0d1e4b3f2a9c0d1e4b3f2a9c0d1e4b3f2a"
)

// testSnapshot is a small machine: a writer and a pager connected by a pipe, a database with
// its clients, a container, and a hostile name.
func testSnapshot() *model.Snapshot {
	web := &model.Container{ID: webID, Name: "web"}
	holder := func(pid int32, comm string, fd int32, a model.Access) model.Holder {
		return model.Holder{PID: pid, Comm: comm, Via: model.ViaFD, FD: model.Some(fd), Access: a}
	}
	net := func(inode uint64) *model.Namespace { return &model.Namespace{Type: "net", Inode: inode} }
	tcp := func(id string, ino model.Big, state, local, remote string) *model.Object {
		return &model.Object{
			ID: id, Kind: model.TCP, Ino: ino, Name: local, Namespace: net(ownNet),
			Detail: &model.InetDetail{State: state, Local: local, Remote: remote},
		}
	}
	return &model.Snapshot{
		Schema: model.Schema,
		Host:   model.Host{Namespaces: map[string]uint64{"net": ownNet}},
		Processes: []*model.Process{
			{PID: 1, Comm: "systemd", Label: "systemd", Exe: "/usr/lib/systemd/systemd"},
			{PID: 911, Comm: "postgres", Label: "postgres", Exe: "/usr/bin/postgres", Unit: "postgresql.service"},
			{PID: 4121, Comm: "writer", Label: "writer", Cmdline: []string{"writer", "-v"}},
			{
				PID: 4188, Comm: "python3", Label: "pager.py", Exe: "/usr/bin/python3", Cmdline: []string{"python3", "/opt/pager.py"},
				ThreadList: []model.Thread{{TID: 4188}, {TID: 4190}},
			},
			{PID: 5000, NSPIDs: []int{1}, Comm: "nginx", Label: "nginx", Exe: "/usr/sbin/nginx", Container: web},
			{PID: 5007, NSPIDs: []int{7}, Comm: "nginx", Label: "nginx", Exe: "/usr/sbin/nginx", Container: web},
			{PID: 6000, Comm: "a\x1b[2J b", Label: "a\x1b[2J b"},
			{PID: 6001, Comm: "very-long-daemo", Label: "very-long-daemo"},
			{PID: 7000, Comm: "ipctop", Label: "ipctop", Self: true},
			{PID: 7001, Comm: "bash", Label: "bash", Self: true},
			{PID: 7002, Comm: "bash", Label: "bash"},
		},
		Objects: []*model.Object{
			{
				ID: "pipe:4242", Kind: model.Pipe, Ino: 4242, Detail: &model.PipeDetail{},
				Holders: []model.Holder{holder(4121, "writer", 1, model.Write), holder(4188, "python3", 0, model.Read)},
			},
			{ID: "fifo:8:2:77", Kind: model.FIFO, Ino: 77, Name: "/run/jobs.fifo", Path: "/run/jobs.fifo", Detail: &model.PipeDetail{}},
			{ID: "file:8:2:77", Kind: model.File, Ino: 77, Name: "/run/jobs.fifo", Path: "/run/jobs.fifo", Detail: &model.FileDetail{Type: "fifo", Locks: []model.Lock{{Type: "flock"}}}},
			{
				ID: "unix:17", Kind: model.Unix, Ino: 17, Name: "/run/x.sock", Namespace: net(ownNet),
				Detail:  &model.UnixDetail{Path: "/run/x.sock", State: "listen"},
				Holders: []model.Holder{holder(911, "postgres", 5, model.ReadWrite)},
			},
			{ID: "unix:17@4026532000", Kind: model.Unix, Ino: 17, Namespace: net(otherNet), Detail: &model.UnixDetail{}},
			{
				ID: "unix:16", Kind: model.Unix, Ino: 16, Name: "/run/x.sock", Namespace: net(ownNet),
				Detail: &model.UnixDetail{Path: "/run/x.sock", State: "established"},
			},
			{ID: "unix:15", Kind: model.Unix, Ino: 15, Name: "@dbus\x00x", Namespace: net(ownNet), Detail: &model.UnixDetail{Abstract: "dbus\x00x", State: "established"}},
			{ID: "unix:18", Kind: model.Unix, Ino: 18, Namespace: net(ownNet), Detail: &model.UnixDetail{Abstract: "dbus\x00x", State: "listen"}},
			tcp("tcp:21", 21, "ESTAB", "127.0.0.1:5432", "127.0.0.1:40000"),
			tcp("tcp:20", 20, "LISTEN", "0.0.0.0:5432", "0.0.0.0:0"),
			tcp("tcp:22", 22, "ESTAB", "127.0.0.1:40000", "127.0.0.1:5432"),
			tcp("tcp:23", 23, "LISTEN", "[::1]:6379", "[::]:0"),
			tcp("tcp:24", 24, "ESTAB", "10.0.0.1:40001", "10.0.0.2:443"),
			{ID: "sysv-shm:3", Kind: model.SysvShm, SysvID: model.Some(3), Name: "0x000004d2", Detail: &model.SysvShmDetail{Key: "0x000004d2"}},
			{ID: "sysv-sem:3", Kind: model.SysvSem, SysvID: model.Some(3), Name: "0x000004d3", Detail: &model.SysvSemDetail{Key: "0x000004d3"}},
			{ID: "posix-mq:0:9", Kind: model.PosixMq, Name: "/jobs"},
			{ID: "posix-shm:25:3", Kind: model.PosixShm, Name: "/dev/shm/cache", Path: "/dev/shm/cache"},
			{ID: "posix-sem:25:4", Kind: model.PosixSem, Name: "/dev/shm/sem.gate", Path: "/dev/shm/sem.gate"},
		},
	}
}

func TestFind(t *testing.T) {
	for ref, want := range map[string]string{
		// processes
		"4121":                     "process:4121",
		"process:4121":             "process:4121",
		"4190":                     "process:4188", // a thread
		"writer":                   "process:4121",
		"pager.py":                 "process:4188",
		"python3":                  "process:4188",
		"nginx":                    "process:5000 process:5007",
		"very-long-daemon-name":    "process:6001",
		"postgresql.service":       "process:911",
		"/usr/bin/postgres":        "process:911",
		"/opt/pager.py":            "process:4188",
		"ipctop":                   "process:7000",
		"bash":                     "process:7002", // rather than ipctop itself
		"3f2a9c0d1e4b":             "process:5000 process:5007",
		"[::ffff:127.0.0.1]:40000": "tcp:22",
		"7@web":                    "process:5007",
		"1@3f2a9c":                 "process:5000",
		"nginx@web":                "process:5000 process:5007",
		"web":                      "process:5000 process:5007",
		"/proc/4121":               "process:4121",
		"/proc/4121/":              "process:4121",
		"/proc/4121/status":        "process:4121",
		"/proc/4188/task/4190":     "process:4188",
		"a\x1b[2J b":               "process:6000",
		"/proc/4121/fd":            "process:4121",
		"/proc/4188/task/4190/fd":  "process:4188",
		// objects
		"pipe:4242":                 "pipe:4242",
		"pipe:[4242]":               "pipe:4242",
		"/proc/4121/fd/1":           "pipe:4242",
		"/proc/4121//fdinfo/1":      "pipe:4242",
		"/proc/4188/task/4190/fd/0": "pipe:4242",
		"fifo:8:2:77":               "fifo:8:2:77",
		"fifo:77":                   "fifo:8:2:77",
		"/run/jobs.fifo":            "fifo:8:2:77",
		"/run//jobs.fifo":           "fifo:8:2:77",
		"jobs.fifo":                 "fifo:8:2:77",
		"unix:17":                   "unix:17",
		"unix:17@4026532000":        "unix:17@4026532000",
		"unix:17@4026531840":        "unix:17",
		"socket:[17]":               "unix:17 unix:17@4026532000",
		"socket:[20]":               "tcp:20",
		"/run/x.sock":               "unix:17",
		"unix:/run/x.sock":          "unix:17",
		"x.sock":                    "unix:17",
		"@dbus\x00x":                "unix:18",
		"unix:16":                   "unix:16",
		"@dbus@x":                   "unix:18",
		"unix:@dbus@x":              "unix:18",
		":5432":                     "tcp:20",
		"tcp::5432":                 "tcp:20",
		"127.0.0.1:5432":            "tcp:20",
		"localhost:40000":           "tcp:22",
		"[::1]:6379":                "tcp:23",
		"tcp:[::1]:6379":            "tcp:23",
		"localhost:6379":            "tcp:23",
		":443":                      "tcp:24",
		"10.0.0.2:443":              "tcp:24",
		"0x4d2":                     "sysv-shm:3",
		"0x000004D2":                "sysv-shm:3",
		"sysv-shm:0x4d2":            "sysv-shm:3",
		"sysv-sem:3":                "sysv-sem:3",
		"/jobs":                     "posix-mq:0:9",
		"posix-mq:/jobs":            "posix-mq:0:9",
		"/dev/mqueue/jobs":          "posix-mq:0:9",
		"/cache":                    "posix-shm:25:3",
		"/dev/shm/cache":            "posix-shm:25:3",
		"/dev/shm/cache (deleted)":  "posix-shm:25:3",
		"/gate":                     "posix-sem:25:4",
	} {
		matches, err := Find(testSnapshot(), ref)
		var ids []string
		for _, m := range matches {
			ids = append(ids, m.ID())
		}
		if got := strings.Join(ids, " "); err != nil || got != want {
			t.Errorf("%q names %q (%v), want %q", ref, got, err, want)
		}
	}
}

func TestFindNothing(t *testing.T) {
	for ref, want := range map[string]string{
		"99":                   "there is no process 99",
		"4242":                 "there is no process 4242; the number is that of pipe:4242",
		"7":                    "there is no process 7; the number is that of 7@web (process 5007)",
		"3f2a9c":               "is called 3f2a9c", // too short for a container without an @
		"wirter":               "no process or object that was seen is called wirter; there is writer",
		"postgre":              "no process or object that was seen is called postgre; there is postgres",
		"pipe:9":               "no pipe 9 was seen (1 object of the kind was seen)",
		"/nowhere/at/all":      "no visible process or object has the path or name /nowhere/at/all",
		":1":                   "no socket that was seen has the address :1",
		"0x1":                  "no System V object that was seen has the key 0x1",
		"@nobody":              "no UNIX socket has the abstract name @nobody",
		"8@web":                "no process 8 was seen in container web",
		"7@wbe":                "no visible process or object is called 7@wbe, and no container wbe; there is 7@web",
		"/proc/98/fd/3":        "there is no process 98",
		"/proc/4121/fd/9":      "descriptor 9 of writer(4121) is not open",
		"no\x1b[31msuch":       `is called "no\x1b[31msuch"`,
		"socket:[5]":           "no socket 5 was seen",
		"18446744073709551616": "no process or object",
	} {
		_, err := Find(testSnapshot(), ref)
		var nf *NotFoundError
		if !errors.As(err, &nf) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", ref, err, want)
		}
	}
}

func TestFindRefuses(t *testing.T) {
	for ref, want := range map[string]string{
		"":                       "it is empty",
		"/proc/self/fd/3":        "ipctop itself",
		"/proc/4121/fd/x":        "no descriptor number",
		"anon_inode:[eventpoll]": "write /proc/PID/fd/N",
		"net:[4026531840]":       "no kind of object",
	} {
		_, err := Find(testSnapshot(), ref)
		var bad *SyntaxError
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", ref, err, want)
		}
	}
}

func TestOneListsCandidates(t *testing.T) {
	_, err := One(testSnapshot(), "nginx")
	var ambiguous *AmbiguousError
	if !errors.As(err, &ambiguous) {
		t.Fatalf("got %v, want an AmbiguousError", err)
	}
	want := "nginx could be any of 2; name one of them:\n" +
		"  process:5000      nginx  in container web\n" +
		"  process:5007      nginx  in container web"
	if err.Error() != want {
		t.Errorf("got\n%s\nwant\n%s", err, want)
	}
}

func TestNearest(t *testing.T) {
	words := []string{"postgres", "posix-mq", "pipe", "pager", "Xorg"}
	for word, want := range map[string][]string{
		"pipes":   {"pipe"},
		"ppie":    {"pipe"},
		"xorg":    {"Xorg"},
		"gres":    {"postgres"},
		"zzz":     nil,
		"":        nil,
		"q":       nil,
		"posixmq": {"posix-mq"},
	} {
		if got := Nearest(word, words); !slices.Equal(got, want) {
			t.Errorf("nearest to %q: %q, want %q", word, got, want)
		}
	}
}

func TestComplete(t *testing.T) {
	for prefix, want := range map[string]string{
		"41":      "4121=writer  \"writer -v\" 4188=pager.py  \"python3 /opt/pager.py\"",
		"ng":      "nginx=2 processes",
		"unix:18": "unix:18=listen",
		"pipe:":   "pipe:4242=held by writer(4121), pager.py(4188)",
		"a":       "", // a name that no shell should see
		"ipc":     "",
	} {
		var list []string
		for _, c := range Complete(testSnapshot(), prefix) {
			list = append(list, c.Ref+"="+c.Help)
		}
		if got := strings.Join(list, " "); got != want {
			t.Errorf("%q completes to %q, want %q", prefix, got, want)
		}
	}
}

func FuzzFind(f *testing.F) {
	for _, ref := range []string{
		"4121", "writer", "pipe:4242", "unix:17@4026532000", "pipe:[4242]", "socket:[17", "/proc/1/fd/3", "/proc/1/task/x/fd",
		"/proc/", "/proc//", "/run/x.sock", "@", "@a", ":", ":5432", "[::1]:5432", "0x", "0x4d2", "7@web", "@@", "a@", "process:", "tcp:",
		":[", ":[]", "\x00", "\xff",
	} {
		f.Add(ref)
	}
	s := testSnapshot()
	f.Fuzz(func(t *testing.T, ref string) {
		matches, err := Find(s, ref)
		if (err == nil) != (len(matches) > 0) {
			t.Fatalf("%q: %d matches and error %v", ref, len(matches), err)
		}
		if err != nil && strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 }) {
			t.Fatalf("%q: the message can drive a terminal: %q", ref, err)
		}
		for _, m := range matches {
			if again, err := One(s, m.ID()); err != nil || again != m {
				t.Fatalf("%q names %s, which names %v (%v)", ref, m.ID(), again, err)
			}
		}
		Complete(s, ref)
	})
}

func TestDescribeTitle(t *testing.T) {
	p := &model.Process{PID: 44, Comm: "postgres", Cmdline: []string{"postgres: shop [local] UPDATE waiting"}}
	if got := (Match{Process: p}).Describe(&model.Snapshot{}); !strings.Contains(got, "UPDATE waiting") {
		t.Errorf("a session is described as %q", got)
	}
}

// TestKeyOfLostNamespace: if an IPC namespace could not be read, it is not said that a key
// does not exist.
func TestKeyOfLostNamespace(t *testing.T) {
	s := testSnapshot()
	s.Gaps = append(s.Gaps, model.Gap{Probe: string(model.SysvShm), Reason: model.Other, Op: model.OpAttribute, Count: 1})
	_, err := Find(s, "0x1")
	if err == nil || !strings.Contains(err.Error(), "that nothing leads to") {
		t.Errorf("got %v", err)
	}
}
