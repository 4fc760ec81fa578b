package posix

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe/probetest"
)

func limitOf(s *model.Snapshot, name string, fits func(*model.LimitScope) bool) *model.Limit {
	for i := range s.Limits {
		if l := &s.Limits[i]; l.Name == name && l.Scope != nil && fits(l.Scope) {
			return l
		}
	}
	return nil
}

func inNS(inode uint64) func(*model.LimitScope) bool {
	return func(s *model.LimitScope) bool { return s.NS == inode }
}

func ofUser(uid int) func(*model.LimitScope) bool {
	return func(s *model.LimitScope) bool { return s.UID == model.Some(uid) }
}

// Queues raise the use by exactly their size, including an unlinked one that is
// still open. Other processes may make queues meanwhile, so several tries may
// be needed.
func TestLiveLimits(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("how many queues there are: CAP_SYS_ADMIN or a mounted mqueue file system")
	}
	var why string
	for try := range 10 {
		before := probetest.Scan(t, Mq())
		names := []string{}
		for i := range 3 {
			name := fmt.Sprintf("ipctop-test-%d-limit-%d-%d", os.Getpid(), try, i)
			fd, err := open(name, 4, 64)
			if err != nil {
				t.Fatal(err)
			}
			defer unix.Close(fd)
			defer unlink(name)
			names = append(names, name)
		}
		after := probetest.Scan(t, Mq())
		unlink(names[0])
		unlinked := probetest.Scan(t, Mq())
		why = ""
		own := after.Host.Namespaces["ipc"]
		var n [3]int64
		for i, s := range []*model.Snapshot{before, after, unlinked} {
			l := limitOf(s, queuesMax, inNS(own))
			if l == nil || !l.Used.Known() || l.Max.Or(0) <= 0 {
				t.Fatalf("%+v", l)
			}
			n[i] = l.Used.Or(0)
		}
		if n[1] != n[0]+3 || n[2] != n[1] {
			why = fmt.Sprintf("%d queues before, %d with three more, %d with one of them unlinked", n[0], n[1], n[2])
			continue
		}
		var b [2]int64
		for i, s := range []*model.Snapshot{before, after} {
			if l := limitOf(s, "RLIMIT_MSGQUEUE", ofUser(os.Geteuid())); l != nil {
				b[i] = l.Used.Or(-1)
				if !l.Estimated && l.Used.Known() {
					t.Errorf("%+v is worked out", l)
				}
			}
		}
		if b[0] < 0 && b[1] < 0 {
			return // another process has an unlinked queue open, whose size is unknown
		}
		// getrlimit(2): messages × (size + header + tree node)
		if want := 3 * (4*64 + 4*48 + 4*48); b[1]-b[0] != int64(want) && unsafe.Sizeof(uintptr(0)) == 8 {
			why = fmt.Sprintf("%d bytes before, %d with three queues, want %d more", b[0], b[1], want)
			continue
		}
		return
	}
	t.Error(why)
}

// The kernel accepts what the limit allows: the sum is the same as the kernel's.
func TestLiveQueueBytes(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to become a user that has no queue yet")
	}
	const messages, size = 5, 100
	bytes := queueBytes(&model.PosixMqDetail{MaxMessages: model.Some[int64](messages), MessageSize: model.Some[int64](size)}).Or(0)
	for _, tt := range []struct {
		limit int64
		made  bool
	}{{bytes, true}, {bytes - 1, false}} {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), fmt.Sprintf("%s=limit %d %d %d", queueEnv, tt.limit, messages, size), "GORACE=atexit_sleep_ms=0")
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWIPC}
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		if made := strings.TrimSpace(string(out)) == "made"; made != tt.made {
			t.Errorf("a queue of %d bytes with a limit of %d: %s", bytes, tt.limit, out)
		}
	}
}

// tryQueue makes a queue under a limit in bytes: limit messages size.
func tryQueue(args string) {
	var limit, messages, size int
	if _, err := fmt.Sscan(args, &limit, &messages, &size); err != nil {
		fmt.Println(err)
		return
	}
	l := unix.Rlimit{Cur: uint64(limit), Max: uint64(limit)}
	if err := unix.Setrlimit(unix.RLIMIT_MSGQUEUE, &l); err != nil {
		fmt.Println(err)
		return
	}
	if err := syscall.Setuid(47110); err != nil { // a user who has no queues yet
		fmt.Println(err)
		return
	}
	if _, err := open("limited", messages, size); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("made")
}

func TestUnknownQueueMakesSumUnknown(t *testing.T) {
	if queueBytes(&model.PosixMqDetail{MaxMessages: model.Some[int64](1)}).Known() || queueBytes(new(model.PosixMqDetail)).Known() {
		t.Error("the size of a queue that could not be read is known")
	}
}

func TestTmpfsLimits(t *testing.T) {
	l := tmpfsLimits(4096, 16, 4, 100, 98)
	if l[0].Used != model.Some[int64](12*4096) || l[0].Max != model.Some[int64](16*4096) || l[1].Used != model.Some[int64](2) {
		t.Errorf("%+v", l)
	}
	l = tmpfsLimits(4096, 0, 0, 0, 0)
	if !l[0].Unlimited || l[0].Max.Known() || l[0].Used.Known() || !l[1].Unlimited {
		t.Errorf("without a bound: %+v", l)
	}
}

// A file in /dev/shm raises the use by its size, for one of the file systems
// there, as each mount namespace may have its own.
func TestLiveDevShm(t *testing.T) {
	used := func() (bytes, inodes map[uint64]int64) {
		bytes, inodes = map[uint64]int64{}, map[uint64]int64{}
		for _, l := range probetest.Scan(t, ShmSpace()).Limits {
			n, ok := l.Used.Get()
			switch {
			case !ok:
			case l.Name == "/dev/shm size":
				bytes[l.Scope.NS] = n
			case l.Name == "/dev/shm nr_inodes":
				inodes[l.Scope.NS] = n
			}
		}
		return bytes, inodes
	}
	if b, _ := used(); len(b) == 0 {
		t.Skip("no tmpfs with a size is mounted at /dev/shm")
	}
	const size = 3 << 20
	for range 10 {
		b1, i1 := used()
		f, err := os.CreateTemp("/dev/shm", "ipctop-test-")
		if err != nil {
			t.Skip(err)
		}
		_, err = f.Write(make([]byte, size))
		b2, i2 := used()
		f.Close()
		os.Remove(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		for ns := range b2 {
			if b2[ns]-b1[ns] == size && i2[ns]-i1[ns] == 1 {
				return
			}
		}
	}
	t.Errorf("a file of %d bytes never raised what is used by as much", size)
}
