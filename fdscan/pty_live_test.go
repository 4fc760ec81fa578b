package fdscan_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/proc"
	"golang.org/x/sys/unix"
)

// openPty opens a pseudoterminal through a ptmx and returns both ends and the
// index.
func openPty(ptmx, pts string) (master, slave, index int, err error) {
	if master, err = unix.Open(ptmx, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0); err != nil {
		return 0, 0, 0, err
	}
	if index, err = unix.IoctlGetInt(master, unix.TIOCGPTN); err == nil {
		if err = unix.IoctlSetPointerInt(master, unix.TIOCSPTLCK, 0); err == nil {
			slave, err = unix.Open(fmt.Sprintf("%s/%d", pts, index), unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
		}
	}
	return master, slave, index, err
}

func TestPtyLive(t *testing.T) {
	for _, ptmx := range []string{"/dev/ptmx", "/dev/pts/ptmx"} {
		t.Run(filepath.Base(filepath.Dir(ptmx)), func(t *testing.T) {
			master, slave, index, err := openPty(ptmx, "/dev/pts")
			if err != nil {
				t.Skip(err)
			}
			open(t, "")(master, nil)
			open(t, "")(slave, nil)
			if _, err := unix.Write(slave, []byte("not read")); err != nil {
				t.Fatal(err)
			}
			queued := 0
			for queued == 0 { // a kernel worker transfers it
				if queued, err = unix.IoctlGetInt(master, unix.TIOCINQ); err != nil {
					t.Fatal(err)
				}
			}
			pid := child(t, slave)
			snap := scanEvents(t)
			o, hm := behind(t, snap, os.Getpid(), master)
			os2, hs := behind(t, snap, os.Getpid(), slave)
			var st unix.Stat_t
			if err := unix.Fstat(slave, &st); err != nil {
				t.Fatal(err)
			}
			id := fmt.Sprintf("pty:%d:%d:%d", unix.Major(uint64(st.Dev)), unix.Minor(uint64(st.Dev)), index)
			if o != os2 || o.ID != id {
				t.Fatalf("master is %s, slave is %s, want %s", o.ID, os2.ID, id)
			}
			if hm.Extent == nil || hs.Extent == nil || !slices.Equal(hm.Flags, []string{"master"}) || !slices.Equal(hs.Flags, []string{"slave"}) {
				t.Errorf("holders %+v, %+v", hm, hs)
			}
			d := o.Detail.(*model.PtyDetail)
			if d.Index != model.Some(index) || d.Queued != model.Some(int64(queued)) || d.Session != model.Some(0) || d.Foreground != model.Some(0) {
				t.Errorf("got %+v, want %d queued", d, queued)
			}
			if !slices.ContainsFunc(snap.Links, func(l *model.Link) bool {
				return l.Object == id && slices.Equal(l.From, []int{os.Getpid()}) && slices.Contains(l.To, pid)
			}) {
				t.Errorf("no link from master to slave of %s", id)
			}
		})
	}
}

// TestPtyOfThread: a master that is only in the descriptor table of a thread is asked, too.
func TestPtyOfThread(t *testing.T) {
	var failure error
	var snap *model.Snapshot
	var index int
	proc.OnThread(func() {
		var master, slave int
		if failure = unix.Unshare(unix.CLONE_FILES); failure != nil {
			return
		}
		if master, slave, index, failure = openPty("/dev/ptmx", "/dev/pts"); failure != nil {
			return
		}
		defer unix.Close(master)
		defer unix.Close(slave)
		pidfd, err := unix.PidfdOpen(unix.Gettid(), unix.PIDFD_THREAD)
		if failure = err; failure != nil { // before Linux 6.9
			return
		}
		defer unix.Close(pidfd)
		scanned := make(chan *model.Snapshot)
		go func() { scanned <- scanEvents(t) }()
		snap = <-scanned
	})
	if failure != nil {
		t.Skip(failure)
	}
	for _, o := range snap.Objects {
		d, ok := o.Detail.(*model.PtyDetail)
		if !ok || d.Index != model.Some(index) || o.Holders[0].PID != int32(os.Getpid()) {
			continue
		}
		var ends []string
		for _, h := range o.Holders {
			ends = append(ends, h.Flags...)
		}
		if slices.Sort(ends); !slices.Equal(ends, []string{"master", "slave"}) || !d.Queued.Known() {
			t.Errorf("%s is held as %q, detail %+v", o.ID, ends, d)
		}
		return
	}
	t.Error("it is not seen")
}

// TestPtyHungUp: a slave without its master.
func TestPtyHungUp(t *testing.T) {
	master, slave, index, err := openPty("/dev/pts/ptmx", "/dev/pts")
	if err != nil {
		t.Skip(err)
	}
	open(t, "")(slave, nil)
	_ = unix.Close(master)
	o, h := behind(t, scanEvents(t), os.Getpid(), slave)
	if d := o.Detail.(*model.PtyDetail); d.Index != model.Some(index) || d.Queued.Known() || len(o.Holders) != 1 || !slices.Equal(h.Flags, []string{"slave"}) {
		t.Errorf("got %s, %+v", o.ID, d)
	}
}

// inNewDevpts marks the test program that was started again with a devpts
// instance of its own.
const inNewDevpts = "IPCTOP_TEST_DEVPTS"

// TestTwoDevpts: /dev/pts/N of two devpts instances, and their masters, are two
// pairs.
func TestTwoDevpts(t *testing.T) {
	if os.Getenv(inNewDevpts) != "" {
		ownDevpts(t, os.Getenv(inNewDevpts))
		return
	}
	if os.Geteuid() != 0 {
		t.Skip("a new mount namespace needs CAP_SYS_ADMIN")
	}
	for _, ptmx := range []string{"/dev/ptmx", "/dev/pts/ptmx"} {
		master, slave, index, err := openPty(ptmx, "/dev/pts")
		if err != nil {
			t.Skip(err)
		}
		open(t, "")(master, nil)
		open(t, "")(slave, nil)
		cmd := exec.Command(os.Args[0], "-test.run=^TestTwoDevpts$")
		cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d", inNewDevpts, ptmx, index))
		cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
		stdin, err1 := cmd.StdinPipe()
		stdout, err2 := cmd.StdoutPipe()
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var m, s int
		line, err := bufio.NewReader(stdout).ReadString('\n')
		if n, _ := fmt.Sscanf(line, "ready %d %d", &m, &s); n != 2 {
			t.Fatalf("%v: %q", err, line)
		}
		snap := scanEvents(t)
		mine, _ := behind(t, snap, os.Getpid(), master)
		mine2, _ := behind(t, snap, os.Getpid(), slave)
		theirs, _ := behind(t, snap, cmd.Process.Pid, m)
		theirs2, _ := behind(t, snap, cmd.Process.Pid, s)
		if mine != mine2 || theirs != theirs2 || mine == theirs {
			t.Errorf("%s: mine is %s and %s, theirs is %s and %s", ptmx, mine.ID, mine2.ID, theirs.ID, theirs2.ID)
		}
		a, b := mine.Detail.(*model.PtyDetail).Index, theirs.Detail.(*model.PtyDetail).Index
		if a != b || a != model.Some(index) {
			t.Errorf("%s: indexes %v and %v, want %d for both", ptmx, a, b, index)
		}
		_ = stdin.Close()
		_ = cmd.Wait()
	}
}

// ownDevpts opens the pseudoterminal with the wanted index in a new instance.
func ownDevpts(t *testing.T, want string) {
	var ptmx string
	var wanted int
	if _, err := fmt.Sscan(want, &ptmx, &wanted); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("devpts", "/dev/pts", "devpts", 0, "newinstance,ptmxmode=0666"); err != nil {
		t.Fatal(err)
	}
	for {
		m, s, index, err := openPty(ptmx, "/dev/pts")
		if err != nil || index > wanted {
			t.Fatalf("index %d, want %d: %v", index, wanted, err)
		}
		if index == wanted {
			fmt.Printf("ready %d %d\n", m, s)
			_, _ = io.ReadAll(os.Stdin)
			return
		}
	}
}
