package filelock_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/fdscan/files"
	"github.com/ipctop/ipctop/filelock"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe/probetest"
)

// TestDevicesOfAnOverlay: for a file in the lower layer of an overlay whose
// layers are on two file systems, stat returns a device that neither /proc/locks
// nor any mount has. Its descriptor and its lock must still be matched.
func TestDevicesOfAnOverlay(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("a new mount namespace needs CAP_SYS_ADMIN")
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleVariable+"=overlay:"+t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	cmd.Stderr = os.Stderr
	stdin, _ := cmd.StdinPipe()
	stdout, _ := cmd.StdoutPipe()
	if err := cmd.Start(); err != nil {
		t.Skip("no new mount namespace here: ", err)
	}
	defer func() { stdin.Close(); _ = cmd.Wait() }()
	line, _ := bufio.NewReader(stdout).ReadString('\n')
	words := strings.Fields(line)
	if len(words) != 4 || words[0] != "ready" {
		t.Skip("no overlay: ", line)
	}
	ino, statDev, superDev := words[1], words[2], words[3]
	if statDev == superDev {
		t.Skip("this kernel tells the overlay's device in stat, too")
	}
	snap := probetest.Scan(t, files.File(), filelock.Locks())
	want := "file:" + superDev + ":" + ino
	for _, o := range snap.Objects {
		if o.ID != want {
			continue
		}
		vias := ""
		for _, h := range o.Holders {
			if int(h.PID) == cmd.Process.Pid {
				vias += string(h.Via) + " "
			}
		}
		if vias != "fd lock " || !strings.HasSuffix(o.Path, "/merged/file") || len(o.Detail.(*model.FileDetail).Locks) != 1 {
			t.Errorf("held by %s, got %+v, %+v", vias, o, o.Detail)
		}
		return
	}
	t.Errorf("%s was not seen", want)
}

// overlay makes an overlay of two file systems in dir, and locks a file of the
// lower one in it. It prints the file's inode, its device from stat, and the
// overlay's device.
func overlay(dir string, check func(error)) {
	for _, name := range []string{"lower", "rest"} {
		check(os.Mkdir(dir+"/"+name, 0o700))
		check(unix.Mount("none", dir+"/"+name, "tmpfs", 0, ""))
	}
	for _, name := range []string{"rest/upper", "rest/work", "merged"} {
		check(os.Mkdir(dir+"/"+name, 0o700))
	}
	check(os.WriteFile(dir+"/lower/file", []byte("x"), 0o600))
	options := fmt.Sprintf("lowerdir=%s/lower,upperdir=%s/rest/upper,workdir=%s/rest/work,xino=off", dir, dir, dir)
	check(unix.Mount("none", dir+"/merged", "overlay", 0, options))
	f, err := os.Open(dir + "/merged/file")
	check(err)
	check(unix.Flock(int(f.Fd()), unix.LOCK_SH))
	var file, root unix.Stat_t
	check(unix.Fstat(int(f.Fd()), &file))
	check(unix.Stat(dir+"/merged", &root))
	dev := func(st *unix.Stat_t) string {
		return fmt.Sprintf("%d:%d", unix.Major(uint64(st.Dev)), unix.Minor(uint64(st.Dev)))
	}
	fmt.Println("ready", file.Ino, dev(&file), dev(&root))
	_, _ = io.Copy(io.Discard, os.Stdin)
	f.Close()
}
