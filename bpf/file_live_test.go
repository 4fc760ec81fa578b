package bpf_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/bpf"
	"github.com/ipctop/ipctop/probe/probetest"
	"github.com/ipctop/ipctop/proc"
)

// TestFilesAgreeWithProc compares the descriptors of this process, and of all
// processes that did not run meanwhile.
func TestFilesAgreeWithProc(t *testing.T) {
	s := open(t)
	ends := ownFiles(t)
	paths := map[string]bool{}
	descriptors := 0
	probetest.Persistent(t, func() map[string]string {
		differences := map[string]string{}
		before := runCounts(t, s)
		seen := map[int]map[int32]string{}
		err := s.Files(func(d *bpf.File) {
			if d.PID != d.TID {
				return
			}
			if seen[d.PID] == nil {
				seen[d.PID] = map[int32]string{}
			}
			seen[d.PID][d.FD] = fileLine(d)
			paths[string(d.Link)] = true
		})
		if err != nil {
			t.Fatal(err)
		}
		proc := map[int]map[int32]string{}
		for pid := range before {
			proc[pid] = procFiles(pid)
		}
		after := runCounts(t, s)
		for pid, runs := range before {
			own := pid == os.Getpid()
			if proc[pid] == nil || !own && (runs == "" || after[pid] != runs) {
				continue
			}
			for fd, want := range proc[pid] {
				got, there := seen[pid][fd]
				if own && (!there || strings.Contains(want, "/proc/")) {
					continue // the test's own, open only for a moment
				}
				descriptors++
				if got != want {
					differences[fmt.Sprintf("descriptor %d of %d", fd, pid)] = fmt.Sprintf("\n  bpf  %s\n  proc %s", got, want)
				}
			}
			if n := len(seen[pid]); !own && n != len(proc[pid]) {
				differences[fmt.Sprintf("descriptors of %d", pid)] = fmt.Sprintf("%d, the proc file system says %d", n, len(proc[pid]))
			}
		}
		return differences
	})
	t.Logf("compared %d descriptors", descriptors)
	for _, path := range ends {
		if !paths[path] {
			t.Errorf("%s was not seen", path)
		}
	}
}

// TestStates checks what the proc file system does not show: the state of pipes,
// shared open file descriptions, tables of threads, descriptors in flight.
func TestStates(t *testing.T) {
	s := open(t)
	var p, pair [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	if _, err := unix.Write(p[1], make([]byte, 5000)); err != nil {
		t.Fatal(err)
	}
	if _, err := unix.FcntlInt(uintptr(p[1]), unix.F_SETPIPE_SZ, 128<<10); err != nil {
		t.Fatal(err)
	}
	dup, err := unix.Dup(p[0])
	if err != nil {
		t.Fatal(err)
	}
	if pair, err = unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
		t.Fatal(err)
	}
	if err := unix.Sendmsg(pair[0], []byte("x"), unix.UnixRights(p[0], p[1]), nil, 0); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	unopened, err := unix.Open(name, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	all := []int{p[0], p[1], dup, pair[0], pair[1], unopened}
	threadTable(t)
	files := map[int]bpf.File{}
	tables := map[uint64]bool{}
	if err := s.Files(func(d *bpf.File) {
		if d.PID == os.Getpid() {
			tables[d.Table] = true
			if d.PID == d.TID {
				files[int(d.FD)] = *d
			}
		}
	}); err != nil {
		t.Fatal(err)
	}
	one := map[int]bpf.File{}
	if err := s.FilesOf(os.Getpid(), func(d *bpf.File) {
		if d.PID == d.TID {
			one[int(d.FD)] = *d
		}
	}); err != nil && !errors.Is(err, unix.EINVAL) { // before Linux 6.1
		t.Error(err)
	} else if err == nil && (one[p[0]].Description != files[p[0]].Description || one[p[0]].Ino != files[p[0]].Ino) {
		t.Errorf("of this process alone descriptor %d is %+v, of all %+v", p[0], one[p[0]], files[p[0]])
	}
	for _, fd := range all {
		unix.Close(fd)
	}
	for _, fd := range p {
		d := files[fd]
		state, known := d.Pipe()
		want := bpf.PipeState{Queued: 5000, Capacity: 128 << 10, Readers: 1, Writers: 1}
		if !known || state != want {
			t.Errorf("pipe of descriptor %d: %+v, known %t; want %+v", fd, state, known, want)
		}
	}
	d := files[unopened] // a FIFO that was never opened has no buffer
	if state, known := d.Pipe(); known && state != (bpf.PipeState{Queued: -1, Capacity: -1}) {
		t.Errorf("FIFO that is not open: %+v", state)
	}
	if files[p[0]].Description != files[dup].Description || files[p[0]].Description == files[p[1]].Description {
		t.Errorf("descriptions of a duplicate and of another: %x %x %x", files[p[0]].Description, files[dup].Description, files[p[1]].Description)
	}
	receiver, sender := files[pair[1]], files[pair[0]]
	got, _ := receiver.Socket()
	other, _ := sender.Socket()
	if got.InFlight != 2 || got.Messages != 1 || got.Family != unix.AF_UNIX || got.Type != unix.SOCK_STREAM || other.InFlight != 0 {
		t.Errorf("receiver is %+v, sender %+v", got, other)
	}
	if ns, err := os.Readlink("/proc/thread-self/ns/net"); err != nil || ns != fmt.Sprintf("net:[%d]", got.NetNS) {
		t.Errorf("the socket is in net:[%d], this thread in %s (%v)", got.NetNS, ns, err)
	}
	if len(tables) != 2 {
		t.Errorf("this process has %d tables of descriptors, want 2", len(tables))
	}
}

// threadTable keeps a thread with its own table until the test ends. It is never the main
// thread, whose table all other tests use.
func threadTable(t *testing.T) {
	t.Helper()
	ready, done := make(chan error), make(chan struct{})
	t.Cleanup(func() { close(done) })
	go proc.OnThread(func() {
		ready <- unix.Unshare(unix.CLONE_FILES)
		<-done
	})
	if err := <-ready; err != nil {
		t.Fatal(err)
	}
}

// ownFiles opens one file of each class, and returns where some of the descriptors lead.
func ownFiles(t *testing.T) []string {
	t.Helper()
	keep := func(fd int, err error) int {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(fd) })
		return fd
	}
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	keep(p[0], nil)
	keep(p[1], nil)
	if _, err := unix.Write(p[1], make([]byte, 5000)); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	fifo, gone := dir+"/fifo", dir+"/a file with\na newline"
	if err := unix.Mkfifo(fifo, 0o640); err != nil {
		t.Fatal(err)
	}
	keep(unix.Open(fifo, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0))
	keep(unix.Open(gone, unix.O_CREAT|unix.O_WRONLY|unix.O_CLOEXEC, 0o600))
	if err := unix.Unlink(gone); err != nil {
		t.Fatal(err)
	}
	keep(unix.Open(dir, unix.O_PATH|unix.O_CLOEXEC, 0))
	keep(unix.Eventfd(7, unix.EFD_SEMAPHORE|unix.EFD_CLOEXEC))
	keep(unix.MemfdCreate("named", unix.MFD_CLOEXEC))
	keep(unix.EpollCreate1(unix.EPOLL_CLOEXEC))
	keep(unix.Open("/proc/self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0))
	for _, domain := range []int{unix.AF_UNIX, unix.AF_INET, unix.AF_INET6, unix.AF_NETLINK} {
		fd, err := unix.Socket(domain, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err == unix.EAFNOSUPPORT {
			continue
		}
		keep(fd, err)
	}
	return []string{fifo, gone + " (deleted)", dir, "/memfd:named (deleted)", "anon_inode:[eventpoll]"}
}

// runCounts returns the run counts of the threads of each sleeping process, as one text.
func runCounts(t *testing.T, s *bpf.Source) map[int]string {
	t.Helper()
	counts := map[int]string{}
	runs := map[int]bool{}
	if err := s.Tasks(bpf.TaskState, func(task *bpf.Task) {
		counts[task.PID] += fmt.Sprintf("%d:%d ", task.TID, task.Runs)
		runs[task.PID] = runs[task.PID] || task.State == 'R' || task.State == 'Z'
	}); err != nil {
		t.Fatal(err)
	}
	for pid := range runs {
		if runs[pid] {
			counts[pid] = ""
		}
	}
	return counts
}

func fileLine(d *bpf.File) string {
	access := ""
	if d.Read {
		access += "r"
	}
	if d.Write {
		access += "w"
	}
	if string(d.Link) == "anon_inode:[pidfd]" {
		d.Mode &^= unix.S_IFMT // stat(2) does not include it
	}
	line := fmt.Sprintf("%s access=%s flags=%o type=%o dev=%d:%d ino=%d uid=%d gid=%d", d.Link, access, d.Flags&^unix.O_CLOEXEC, d.Mode, d.DevMajor, d.DevMinor, d.Ino, d.UID, d.GID)
	if e, ok := d.Eventfd(); ok {
		line += fmt.Sprintf(" eventfd=%x id=%d semaphore=%t", e.Count, e.ID, e.Semaphore)
	}
	if s, ok := d.Socket(); ok && s.Family == unix.AF_UNIX {
		line += fmt.Sprintf(" in flight=%d", s.InFlight)
	}
	return line
}

// procFiles returns the descriptors of a process as lines from the proc file system;
// nil if ipctop may not look at it.
func procFiles(pid int) map[int32]string {
	dir := "/proc/" + strconv.Itoa(pid) + "/fd"
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	lines := map[int32]string{}
	for _, e := range list {
		path := dir + "/" + e.Name()
		link, err := os.Readlink(path)
		info, err2 := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/fdinfo/" + e.Name())
		var own, st unix.Stat_t
		if err != nil || err2 != nil || unix.Lstat(path, &own) != nil || unix.Stat(path, &st) != nil {
			return nil
		}
		access := ""
		if own.Mode&0o400 != 0 {
			access += "r"
		}
		if own.Mode&0o200 != 0 {
			access += "w"
		}
		flags, _ := strconv.ParseUint(infoField(info, "flags"), 8, 32)
		fd, _ := strconv.Atoi(e.Name())
		line := fmt.Sprintf("%s access=%s flags=%o type=%o dev=%d:%d ino=%d uid=%d gid=%d", link, access, flags&^unix.O_CLOEXEC, st.Mode,
			unix.Major(st.Dev), unix.Minor(st.Dev), st.Ino, st.Uid, st.Gid)
		if count := infoField(info, "eventfd-count"); count != "" {
			line += fmt.Sprintf(" eventfd=%s id=%s semaphore=%t", count, infoField(info, "eventfd-id"), infoField(info, "eventfd-semaphore") == "1")
		}
		if n := infoField(info, "scm_fds"); n != "" {
			line += " in flight=" + n
		}
		lines[int32(fd)] = line
	}
	return lines
}

func infoField(info []byte, name string) string {
	for line := range bytes.Lines(info) {
		if v, ok := bytes.CutPrefix(line, []byte(name+":")); ok {
			return string(bytes.TrimSpace(v))
		}
	}
	return ""
}
