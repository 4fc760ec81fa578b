package sockets_test

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/fdscan/sockets"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/probe/probetest"
	"github.com/ipctop/ipctop/proc"
)

// TestLiveSocketPaths compares what listeners' paths lead to with what was done to
// them.
func TestLiveSocketPaths(t *testing.T) {
	dir, err := os.MkdirTemp("", "unixpath")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil || uint32(fs.Type) == unix.OVERLAYFS_SUPER_MAGIC || uint32(fs.Type) == unix.BTRFS_SUPER_MAGIC {
		t.Skip("the temporary directory's file system does not tell the kernel's inodes")
	}
	listen := func(name string) string {
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, name), Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		l.SetUnlinkOnClose(false)
		t.Cleanup(func() { l.Close() })
		return filepath.Join(dir, name)
	}
	own, gone, replaced, moved := listen("own"), listen("gone"), listen("replaced"), listen("moved")
	if err := os.Remove(gone); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(replaced); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(replaced, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	// The file to which it is bound has another name now; that does not make it stale.
	if err := os.Rename(moved, moved+"2"); err != nil {
		t.Fatal(err)
	}
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "stale"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	stale.SetUnlinkOnClose(false)
	if err := stale.Close(); err != nil {
		t.Fatal(err)
	}
	// A file as young as the scan may have been bound since.
	scan := func(list bool) map[string]model.UnixDetail {
		s := probetest.ScanWith(t, probe.Options{Probes: []probe.Probe{sockets.Unix()}, ListDirectories: list})
		seen := map[string]model.UnixDetail{}
		for i := range s.Objects {
			if d, ok := s.Objects[i].Detail.(*model.UnixDetail); ok && filepath.Dir(d.Path) == dir {
				if _, ok := seen[d.Path]; ok {
					t.Errorf("%s is there twice", d.Path)
				}
				seen[d.Path] = *d
			}
		}
		return seen
	}
	time.Sleep(20 * time.Millisecond)
	seen := scan(true)
	for path, want := range map[string]string{own: "own", gone: "nothing", replaced: "other", moved: "nothing"} {
		if d := seen[path]; d.State != "listen" || d.PathState != want {
			t.Errorf("%s: state %s, path %q, want %q", path, d.State, d.PathState, want)
		}
	}
	var st unix.Stat_t
	if err := unix.Stat(replaced, &st); err != nil || seen[replaced].PathNow != model.Big(st.Ino) {
		t.Errorf("the path leads to %v, want %d (%v)", seen[replaced].PathNow, st.Ino, err)
	}
	if d := seen[filepath.Join(dir, "stale")]; d.State != "stale" {
		t.Errorf("the file without a socket: %+v", d)
	}
	if _, ok := seen[moved+"2"]; ok {
		t.Errorf("%s is bound, and is said to be stale", moved+"2")
	}
	if len(seen) != 5 {
		t.Errorf("%d sockets, want 5: %v", len(seen), seen)
	}
	if seen := scan(false); len(seen) != 4 || seen[own].PathState != "own" {
		t.Errorf("without listing directories: %v", seen)
	}
	now := time.Now().Add(time.Minute)
	if err := os.Chtimes(filepath.Join(dir, "stale"), now, now); err != nil {
		t.Fatal(err)
	}
	if d, ok := scan(true)[filepath.Join(dir, "stale")]; ok {
		t.Errorf("a file younger than the scan: %+v", d)
	}
}

// TestPathInNamespaceOfThread: the path of a listener is looked up also in a mount namespace
// in which only one thread of its process lives.
func TestPathInNamespaceOfThread(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: a mount namespace is made")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "socket")
	var refused error
	proc.OnThread(func() {
		refused = errors.Join(unix.Unshare(unix.CLONE_FS|unix.CLONE_NEWNS), unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""),
			unix.Mount("tmpfs", dir, "tmpfs", 0, ""))
		if refused != nil {
			return
		}
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: file, Net: "unix"})
		if err != nil {
			t.Error(err)
			return
		}
		defer l.Close()
		scanned := make(chan *model.Snapshot)
		go func() { // elsewhere than in this thread's namespace
			scanned <- probetest.ScanWith(t, probe.Options{Probes: []probe.Probe{sockets.Unix()}})
		}()
		for _, o := range (<-scanned).Objects {
			if d, ok := o.Detail.(*model.UnixDetail); ok && d.Path == file {
				if d.PathState != "own" {
					t.Errorf("the path leads to %q, want its own socket", d.PathState)
				}
				return
			}
		}
		t.Error("the socket is not seen")
	})
	if refused != nil {
		t.Skip(refused)
	}
}

// TestPathInOtherRoot: what a server in a chroot is bound to is not at that path outside.
func TestPathInOtherRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("chroot needs root")
	}
	dir := t.TempDir()
	cmd := exec.Command("python3", "-c", "import os, socket, sys\nos.chroot(sys.argv[1])\ns = socket.socket(socket.AF_UNIX)\ns.bind('/in-root')\ns.listen()\nprint(flush=True)\nsys.stdin.read()", dir)
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2, cmd.Start()); err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { in.Close(); _ = cmd.Wait() })
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Skip(err)
	}
	for _, o := range probetest.ScanWith(t, probe.Options{Probes: []probe.Probe{sockets.Unix()}}).Objects {
		if d, ok := o.Detail.(*model.UnixDetail); ok && d.Path == "/in-root" {
			if d.PathState != "" {
				t.Errorf("the path leads to %q, which is not known", d.PathState)
			}
			return
		}
	}
	t.Error("the socket is not seen")
}

// TestPathOfNobody: if a socket has no visible holder, it is not known where its path leads.
func TestPathOfNobody(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gone")
	pair, err1 := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	l, err2 := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pair[0])
	defer unix.Close(pair[1])
	for _, err := range []error{
		unix.Bind(l, &unix.SockaddrUnix{Name: path}), unix.Listen(l, 1), os.Remove(path),
		unix.Sendmsg(pair[0], []byte("x"), unix.UnixRights(l), nil, 0), unix.Close(l),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, o := range probetest.ScanWith(t, probe.Options{Probes: []probe.Probe{sockets.Unix()}}).Objects {
		if d, ok := o.Detail.(*model.UnixDetail); ok && d.Path == path {
			if len(o.Holders) != 0 || d.PathState != "" {
				t.Errorf("held by %+v, the path leads to %q", o.Holders, d.PathState)
			}
			return
		}
	}
	t.Error("the socket is not seen")
}
