//go:build amd64 || arm64

package sysv

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe/probetest"
)

// limitOf returns a limit of an IPC namespace (0: ipctop's own).
func limitOf(t *testing.T, s *model.Snapshot, name string, ns uint64) *model.Limit {
	t.Helper()
	if ns == 0 {
		ns = s.Host.Namespaces["ipc"]
	}
	for i := range s.Limits {
		if l := &s.Limits[i]; l.Name == name && l.Scope != nil && l.Scope.NS == ns {
			return l
		}
	}
	t.Fatalf("no limit %s of namespace %d in %+v", name, ns, s.Limits)
	return nil
}

// Objects that are made in a namespace without other processes raise the use by
// exactly their number.
func TestLiveLimitsNamespace(t *testing.T) {
	probetest.NeedRoot(t, "making an IPC namespace needs CAP_SYS_ADMIN")
	a := startActor(t, unix.CLONE_NEWIPC)
	used := func() map[string]int64 {
		s, m := probetest.Scan(t, Msg(), Sem(), Shm()), map[string]int64{}
		for _, name := range []string{"kernel.msgmni", "kernel.sem.semmni", "kernel.sem.semmns", "kernel.shmmni", "kernel.shmall"} {
			l := limitOf(t, s, name, a.ipc())
			n, ok := l.Used.Get()
			if !ok || l.Estimated {
				t.Errorf("%+v: the kernel counts it", l)
			}
			m[name] = n
		}
		return m
	}
	for name, n := range used() {
		if n != 0 {
			t.Errorf("%s: %d used in an empty namespace", name, n)
		}
	}
	a.do("msgget 0x11")
	a.do("msgget 0x12")
	a.do("semget 0x11 7")
	a.do("semget 0x12 2")
	a.do("shmget 0x11 4097")
	a.do("shmget 0x12 1")
	a.do("shmget 0x13 8192")
	want := map[string]int64{
		"kernel.msgmni": 2, "kernel.sem.semmni": 2, "kernel.sem.semmns": 9, "kernel.shmmni": 3,
		"kernel.shmall": 2 + 1 + int64((8192+os.Getpagesize()-1)/os.Getpagesize()),
	}
	if os.Getpagesize() != 4096 {
		delete(want, "kernel.shmall")
	}
	got := used()
	for name, n := range want {
		if got[name] != n {
			t.Errorf("%s: %d used, want %d", name, got[name], n)
		}
	}
}

// The bounds are those of the namespace, not of ipctop's own.
func TestLiveLimitsMax(t *testing.T) {
	s := probetest.Scan(t, Msg(), Sem(), Shm())
	for name, file := range map[string]string{
		"kernel.msgmni": "msgmni", "kernel.msgmnb": "msgmnb", "kernel.msgmax": "msgmax", "kernel.shmmni": "shmmni",
	} {
		text, err := os.ReadFile("/proc/sys/kernel/" + file)
		if err != nil {
			t.Skip(err)
		}
		l := limitOf(t, s, name, 0)
		if want := strings.TrimSpace(string(text)); model.Big(l.Max.Or(0)).String() != want || l.Unlimited {
			t.Errorf("%s: %+v, want %s", name, l, want)
		}
	}
	text, err := os.ReadFile("/proc/sys/kernel/shmmax")
	if l := limitOf(t, s, "kernel.shmmax", 0); err == nil && len(text) > 18 && (!l.Unlimited || l.Max.Known()) {
		t.Errorf("%s means no bound: %+v", text, l)
	}
	if l := limitOf(t, s, "kernel.shmmax", 0); l.Used.Known() {
		t.Errorf("nothing is used of a bound on each: %+v", l)
	}
	if os.Geteuid() != 0 {
		return
	}
	a := startActor(t, unix.CLONE_NEWIPC)
	a.do("sysctl kernel/msgmni 77")
	s = probetest.Scan(t, Msg(), Sem(), Shm())
	if l := limitOf(t, s, "kernel.msgmni", a.ipc()); l.Max != model.Some[int64](77) {
		t.Errorf("in the other namespace: %+v", l)
	}
	if l := limitOf(t, s, "kernel.msgmni", 0); l.Max == model.Some[int64](77) {
		t.Errorf("in ipctop's own: %+v", l)
	}
}

// Other processes may have made or removed something meanwhile, so several tries
// may be needed.
func TestLiveLimitsOwn(t *testing.T) {
	for range 20 {
		before := limitOf(t, probetest.Scan(t, Msg(), Sem(), Shm()), "kernel.msgmni", 0).Used.Or(-1)
		ids := []int{}
		for range 3 {
			id, errno := call(unix.SYS_MSGGET, unix.IPC_PRIVATE, 0o600, 0)
			if errno != 0 {
				t.Fatal(errno)
			}
			ids = append(ids, id)
		}
		after := limitOf(t, probetest.Scan(t, Msg(), Sem(), Shm()), "kernel.msgmni", 0).Used.Or(-1)
		for _, id := range ids {
			call(unix.SYS_MSGCTL, uintptr(id), unix.IPC_RMID, 0)
		}
		if before >= 0 && after == before+3 {
			return
		}
	}
	t.Error("three queues never raised what is used by three")
}

// The count from the text is the same as the kernel's.
func TestCountText(t *testing.T) {
	var records []record
	for _, n := range []int64{1, 4096, 4097} {
		var r record
		r.set(colBytes, n)
		records = append(records, r)
	}
	u := count(records, func(r *record) int64 { return (r.opt(colBytes).Or(0) + 4095) / 4096 })
	if u.objects != model.Some[int64](3) || u.total != model.Some[int64](4) || !u.estimated {
		t.Errorf("%+v", u)
	}
	if u := count(nil, nil); u.objects != model.Some[int64](0) || u.total.Known() {
		t.Errorf("none: %+v", u)
	}
}
