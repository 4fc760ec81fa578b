package fdscan

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/fdscan/pipes"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/probe/probetest"
)

func limitsOf(t *testing.T, probes ...probe.Probe) *model.Snapshot {
	t.Helper()
	s := probetest.ScanWith(t, probe.Options{Probes: append(probes, Limits())})
	return s
}

func limitNamed(s *model.Snapshot, name string) *model.Limit {
	for i := range s.Limits {
		l := &s.Limits[i]
		if l.Name == name && (l.Scope == nil || !l.Scope.UID.Known() || l.Scope.UID == model.Some(os.Geteuid())) {
			return l
		}
	}
	return nil
}

const usualCapacity = 1 << 16

// pipesOf returns the pipes that a process has open.
func pipesOf(t *testing.T, pid int) map[string]bool {
	t.Helper()
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	pipes := map[string]bool{}
	for _, e := range entries {
		if link, err := os.Readlink(filepath.Join(dir, e.Name())); err == nil && strings.HasPrefix(link, "pipe:") {
			pipes[link] = true
		}
	}
	return pipes
}

// Pipes raise the use of their holder's user by their capacity in pages.
func TestLiveUserPipePages(t *testing.T) {
	const name, user = "fs.pipe-user-pages-soft", 47111
	if _, err := os.Stat("/proc/sys/fs/pipe-user-pages-soft"); err != nil {
		t.Skip(err)
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root to make a process of a user who has no other")
	}
	const capacity = 1 << 18
	var files []*os.File
	for range 2 {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		defer w.Close()
		if _, err := unix.FcntlInt(r.Fd(), unix.F_SETPIPE_SZ, capacity); err != nil {
			t.Skip(err)
		}
		files = append(files, r, w)
	}
	cmd := exec.Command("sleep", "60")
	cmd.ExtraFiles = files
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user}}
	if err := cmd.Start(); err != nil {
		t.Skip(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	for _, f := range files {
		f.Close()
	}
	s := limitsOf(t, pipes.Pipe(), pipes.FIFO())
	for _, l := range s.Limits {
		if l.Name == name && l.Scope != nil && l.Scope.UID == model.Some(user) {
			// Descriptors that the test process inherited from its parent count, too,
			// for this user if no other process has them.
			least, most := int64(2*capacity/os.Getpagesize()), int64((2*capacity+(len(pipesOf(t, cmd.Process.Pid))-2)*usualCapacity)/os.Getpagesize())
			if n := l.Used.Or(-1); n < least || n > most || !l.Estimated || l.Unit != "pages" {
				t.Errorf("%+v, want %d to %d", l, least, most)
			}
			return
		}
	}
	t.Errorf("user %d has none: %+v", user, s.Limits)
}

// If no probe looked, the use is unknown.
func TestLiveUserLimitUncounted(t *testing.T) {
	s := limitsOf(t, pipes.Pipe())
	for _, name := range []string{"fs.pipe-user-pages-soft", "fs.inotify.max_user_instances", "fs.epoll.max_user_watches"} {
		if _, err := os.Stat("/proc/sys/" + strings.ReplaceAll(name, ".", "/")); err != nil {
			continue
		}
		if l := limitNamed(s, name); l == nil || l.Used.Known() || l.Estimated || l.Scope != nil || !strings.HasSuffix(l.Unit, " per user") {
			t.Errorf("%s: %+v", name, l)
		}
	}
}

func TestLiveFdLimits(t *testing.T) {
	s := limitsOf(t)
	if l := limitNamed(s, "net.core.somaxconn"); l == nil || l.Max.Or(0) <= 0 || l.Used.Known() || l.Scope == nil ||
		l.Scope.NS != s.Host.Namespaces["net"] {
		t.Errorf("somaxconn: %+v", l)
	}
	if l := limitNamed(s, "kernel.pty.max"); l != nil && (!l.Used.Known() || l.Estimated || l.Scope != nil) {
		t.Errorf("kernel.pty.max: %+v", l)
	}
	if _, err := os.Stat("/proc/sys/fs/pipe-user-pages-hard"); err == nil {
		text, _ := os.ReadFile("/proc/sys/fs/pipe-user-pages-hard")
		l := limitNamed(s, "fs.pipe-user-pages-hard")
		if none := strings.TrimSpace(string(text)) == "0"; l == nil || l.Unlimited != none {
			t.Errorf("fs.pipe-user-pages-hard of %q: %+v", text, l)
		}
	}
}

// A pseudoterminal raises the kernel's count by one.
func TestLivePtyLimit(t *testing.T) {
	if _, err := os.Stat("/proc/sys/kernel/pty/nr"); err != nil {
		t.Skip(err)
	}
	var before, after int64
	for range 10 {
		before = limitNamed(limitsOf(t), "kernel.pty.max").Used.Or(-1)
		f, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
		if err != nil {
			t.Skip(err)
		}
		after = limitNamed(limitsOf(t), "kernel.pty.max").Used.Or(-1)
		f.Close()
		if before >= 0 && after == before+1 {
			return
		}
	}
	t.Errorf("%d before, %d after", before, after)
}
