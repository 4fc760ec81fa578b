package fdscan_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"github.com/ipctop/ipctop/model"
	"golang.org/x/sys/unix"
)

// TestSharedDescriptions: a duplicate, and a descriptor that a child inherited,
// are the same object; another instance that looks the same is not.
func TestSharedDescriptions(t *testing.T) {
	mask := [8]byte{0: 2}
	for name, make := range map[string]func() (int, error){
		"epoll":   func() (int, error) { return unix.EpollCreate1(unix.EPOLL_CLOEXEC) },
		"timerfd": func() (int, error) { return unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC) },
		"inotify": func() (int, error) { return unix.InotifyInit1(unix.IN_CLOEXEC) },
		"signalfd": func() (int, error) {
			return call(unix.SYS_SIGNALFD4, ^uintptr(0), uintptr(unsafe.Pointer(&mask)), 8, unix.SFD_CLOEXEC)
		},
		"fanotify": func() (int, error) { return unix.FanotifyInit(unix.FAN_CLOEXEC|unix.FAN_REPORT_FID, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			a, b := open(t, name)(make()), open(t, name)(make())
			a2 := dup(t, a)
			pid := child(t, a, b)
			snap := scanEvents(t)
			self := os.Getpid()
			oa, h := behind(t, snap, self, a)
			ob, _ := behind(t, snap, self, b)
			if oa == ob {
				t.Fatalf("two instances are one object, %s", oa.ID)
			}
			if string(oa.Kind) != name || len(oa.Holders) != 3 || len(ob.Holders) != 2 {
				t.Errorf("%s has %d holders, %s has %d; want 3 and 2", oa.ID, len(oa.Holders), ob.ID, len(ob.Holders))
			}
			first := oa.Holders[0]
			ofd := model.OFD{PID: first.PID, FD: first.FD.Or(-1)}
			if oa.ID != name+":"+ofd.String() {
				t.Errorf("%s is not named after its lowest holder, %s", oa.ID, ofd)
			}
			_, h2 := behind(t, snap, self, a2)
			_, h3 := behind(t, snap, pid, 3)
			if h.OFD != ofd || h2.OFD != ofd || h3.OFD != ofd {
				t.Errorf("descriptions %v, %v, %v; want %v", h.OFD, h2.OFD, h3.OFD, ofd)
			}
		})
	}
}

// TestSharedFIFO: an object with an identity, held through several
// descriptions.
func TestSharedFIFO(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	a := open(t, "open")(unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0))
	b := open(t, "open")(unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0))
	c := open(t, "open")(unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0))
	pid := child(t, a)
	snap := scanEvents(t)
	self := os.Getpid()
	_, ha := behind(t, snap, self, a)
	_, hb := behind(t, snap, self, b)
	_, hc := behind(t, snap, self, c)
	_, child := behind(t, snap, pid, 3)
	if ha.OFD.IsZero() || ha.OFD != child.OFD || !hb.OFD.IsZero() || !hc.OFD.IsZero() {
		t.Errorf("descriptions: %v and %v of a shared one, %v and %v of others", ha.OFD, child.OFD, hb.OFD, hc.OFD)
	}
}

// denyKcmp marks the test program that was started again to run without
// kcmp(2).
const denyKcmp = "IPCTOP_TEST_DENY_KCMP"

// TestWithoutKcmp: if kcmp is refused, as by a container's seccomp filter,
// nothing is merged, and there is one gap.
func TestWithoutKcmp(t *testing.T) {
	if os.Getenv(denyKcmp) == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestWithoutKcmp$", "-test.v")
		cmd.Env = append(os.Environ(), denyKcmp+"=1")
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS") {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	a := open(t, "epoll")(unix.EpollCreate1(unix.EPOLL_CLOEXEC))
	a2 := dup(t, a)
	e := open(t, "eventfd")(unix.Eventfd(0, unix.EFD_CLOEXEC))
	e2 := dup(t, e)
	refuse(t, unix.SYS_KCMP)
	snap := scanEvents(t)
	o, h := behind(t, snap, os.Getpid(), a)
	o2, _ := behind(t, snap, os.Getpid(), a2)
	if o == o2 || !h.OFD.IsZero() || o.HoldersComplete || o2.HoldersComplete {
		t.Errorf("%s and %s, description %v, complete %v", o.ID, o2.ID, h.OFD, o.HoldersComplete)
	}
	oe, _ := behind(t, snap, os.Getpid(), e)
	if oe2, _ := behind(t, snap, os.Getpid(), e2); oe != oe2 {
		t.Errorf("%s and %s are one eventfd, whatever kcmp says", oe.ID, oe2.ID)
	}
	n := 0
	for _, g := range snap.Gaps {
		if g.Probe == "ofd" {
			n++
			if g.Reason != model.Denied {
				t.Errorf("gap %+v", g)
			}
		}
	}
	if n != 1 {
		t.Errorf("%d gaps, want 1", n)
	}
}

// refuse makes a system call fail with EPERM in this process from now on.
func refuse(t *testing.T, nr uint32) {
	t.Helper()
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: nr},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	// The filter applies to all threads, but the permission is checked for the
	// installing thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		t.Skip(err)
	}
	if _, err := call(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&program))); err != nil {
		t.Skip(err)
	}
}
