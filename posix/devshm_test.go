package posix_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/posix"
	"github.com/ipctop/ipctop/probe/probetest"
	"github.com/ipctop/ipctop/proc"
)

// A tmpfs at /dev/shm bounds what is created there, in each mount namespace. If
// two namespaces share it, it is reported once; other file systems are skipped.
func TestShmSpaceOfMountNamespaces(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("new mount namespaces need CAP_SYS_ADMIN")
	}
	inside := func(prepare string) (ns uint64) {
		t.Helper()
		cmd := exec.Command("sh", "-c", "mount --make-rprivate / && "+prepare+" && echo ready && exec cat")
		cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
		stdin, _ := cmd.StdinPipe()
		stdout, _ := cmd.StdoutPipe()
		if err := cmd.Start(); err != nil {
			t.Skip("no new mount namespace here: ", err)
		}
		t.Cleanup(func() { stdin.Close(); _ = cmd.Wait() })
		if line, _ := bufio.NewReader(stdout).ReadString('\n'); line != "ready\n" {
			t.Skipf("%s does not work here", prepare)
		}
		ns, err := proc.ReadNamespace(fmt.Sprintf("/proc/%d/ns/mnt", cmd.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		return ns
	}
	bounded := inside("mount -t tmpfs -o size=1m,nr_inodes=50 none /dev/shm && head -c 40000 /dev/zero >/dev/shm/file")
	unbounded := inside("mount -t tmpfs -o size=0,nr_inodes=0 none /dev/shm")
	shared := inside("true")
	foreign := inside("mount -t proc none /dev/shm")

	alone := threadAlone(t, "size=2m,nr_inodes=70")

	snap := probetest.Scan(t, posix.ShmSpace())
	got := map[uint64]string{}
	for _, l := range snap.Limits {
		if l.Kind == model.PosixShm {
			got[l.Scope.NS] += fmt.Sprintf("%s %d of %d %v; ", strings.TrimPrefix(l.Name, "/dev/shm "), l.Used.Or(-1), l.Max.Or(-1), l.Unlimited)
		}
	}
	for ns, want := range map[uint64]string{
		bounded:   "nr_inodes 2 of 50 false; size 40960 of 1048576 false; ",
		unbounded: "nr_inodes -1 of -1 true; size -1 of -1 true; ",
		shared:    "",
		foreign:   "",
		alone:     "nr_inodes 1 of 70 false; size 0 of 2097152 false; ",
	} {
		if got[ns] != want {
			t.Errorf("namespace %d has the limits %q, want %q", ns, got[ns], want)
		}
	}
	for _, g := range snap.Gaps {
		if g.Probe == "dev-shm" {
			t.Errorf("gap %+v", g)
		}
	}
}

// threadAlone puts a thread of the test, and no process, into a mount namespace with
// its own /dev/shm.
func threadAlone(t *testing.T, options string) (ns uint64) {
	t.Helper()
	made, end := make(chan error), make(chan struct{})
	go proc.OnThread(func() {
		err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS)
		if err == nil {
			err = unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
		}
		if err == nil {
			err = unix.Mount("none", "/dev/shm", "tmpfs", 0, options)
		}
		if err == nil {
			ns, err = proc.ReadNamespace("/proc/thread-self/ns/mnt")
		}
		made <- err
		<-end
	})
	t.Cleanup(func() { close(end) })
	if err := <-made; err != nil {
		t.Skip("no mount namespace for a thread: ", err)
	}
	return ns
}
