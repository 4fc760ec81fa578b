package bpf_test

import (
	"maps"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/bpf"
)

// watchedOf returns this process's descriptors in the form that can be looked at again.
func watchedOf(t *testing.T, s *bpf.Source) map[int]bpf.Watched {
	t.Helper()
	byFD := map[int]bpf.Watched{}
	if err := s.Files(func(d *bpf.File) {
		if w, ok := d.Watched(); ok && d.PID == os.Getpid() && d.PID == d.TID {
			byFD[int(d.FD)] = w
		}
	}); err != nil {
		t.Fatal(err)
	}
	return byFD
}

// changed returns the objects of a list that have changed.
func changed(t *testing.T, s *bpf.Source, list []bpf.Watched) map[int]bpf.Watched {
	t.Helper()
	m := map[int]bpf.Watched{}
	if err := s.Changed(list, func(i int, now bpf.Watched) { m[i] = now }); err != nil {
		t.Fatal(err)
	}
	return m
}

// TestChangedCounters changes some of many event counters, and looks at lists of different
// lengths.
func TestChangedCounters(t *testing.T) {
	s := open(t)
	var fds []int
	for i := range 600 {
		fd, err := unix.Eventfd(uint(i), unix.EFD_CLOEXEC|unix.EFD_SEMAPHORE*(i%2))
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		fds = append(fds, fd)
	}
	byFD := watchedOf(t, s)
	var list []bpf.Watched
	var were []bpf.EventfdState
	for i, fd := range fds {
		w := byFD[fd]
		e, ok := w.Eventfd()
		if !ok || e.Count != uint64(i) || e.Semaphore != (i%2 == 1) {
			t.Fatalf("descriptor %d is %+v", fd, e)
		}
		list, were = append(list, w), append(were, e)
	}
	counts := func(from, to int) map[int]uint64 {
		t.Helper()
		counts := map[int]uint64{}
		for i, w := range changed(t, s, list[from:to]) {
			now, ok := w.Eventfd()
			if was := were[from+i]; !ok || now.ID != was.ID || now.Semaphore != was.Semaphore {
				t.Errorf("%d is %+v, was %+v", from+i, now, was)
			}
			counts[from+i] = now.Count
		}
		return counts
	}
	if changed := counts(0, 100); len(changed) != 0 {
		t.Errorf("changed, although nothing has: %v", changed)
	}
	for _, i := range []int{0, 99, 599} {
		if _, err := unix.Write(fds[i], []byte{5, 0, 0, 0, 0, 0, 0, 0}); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct {
		from, to int
		want     map[int]uint64
	}{{0, 600, map[int]uint64{0: 5, 99: 104, 599: 604}}, {0, 99, map[int]uint64{0: 5}}, {99, 600, map[int]uint64{99: 104, 599: 604}}, {0, 0, nil}} {
		if changed := counts(step.from, step.to); !maps.Equal(changed, step.want) {
			t.Errorf("of %d to %d changed %v, want %v", step.from, step.to, changed, step.want)
		}
	}
}

// TestChangedPipes looks at pipes and a FIFO that are used, enlarged, opened and closed.
func TestChangedPipes(t *testing.T) {
	s := open(t)
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	open := func(fd int, err error) int {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return fd
	}
	named := open(unix.Open(fifo, unix.O_RDWR|unix.O_CLOEXEC, 0))
	defer unix.Close(named)
	var anonymous [3][2]int
	for i := range anonymous {
		if err := unix.Pipe2(anonymous[i][:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
			t.Fatal(err)
		}
	}
	quiet, used, gone := anonymous[0], anonymous[1], anonymous[2]
	for _, fd := range []int{quiet[0], quiet[1], used[0], used[1]} {
		defer unix.Close(fd)
	}
	look := func() (byFD map[int]bpf.Watched, list []bpf.Watched) {
		byFD = watchedOf(t, s)
		return byFD, []bpf.Watched{byFD[named], byFD[quiet[0]], byFD[used[0]], byFD[gone[1]]}
	}
	byFD, list := look()
	if byFD[used[0]] != byFD[used[1]] {
		t.Errorf("the ends of one pipe are %+v and %+v", byFD[used[0]], byFD[used[1]])
	}
	for i := range list {
		if _, ok := list[i].Pipe(); !ok {
			t.Fatalf("%d is no pipe: %+v", i, list[i])
		}
	}
	if m := changed(t, s, list); len(m) != 0 {
		t.Errorf("changed, although nothing has: %v", m)
	}
	open(unix.Write(used[1], make([]byte, 3000)))
	open(unix.Write(named, make([]byte, 10)))
	unix.Close(gone[0])
	unix.Close(gone[1])
	m := changed(t, s, list)
	if now := m[3]; len(m) != 3 || !now.None() {
		t.Errorf("changed: %+v; want the FIFO, the used one, and that the closed one is none", m)
	}
	if p, ok := state(m[0]); !ok || p != (bpf.PipeState{Queued: 10, Capacity: 64 << 10, Readers: 1, Writers: 1}) {
		t.Errorf("the FIFO has %+v", p)
	}
	if p, ok := state(m[2]); !ok || p != (bpf.PipeState{Queued: 3000, Capacity: 64 << 10, Readers: 1, Writers: 1}) {
		t.Errorf("the used pipe has %+v", p)
	}

	list = []bpf.Watched{list[0], list[1], m[2]}
	open(unix.Read(used[0], make([]byte, 1000))) // neither end of its ring moves
	open(unix.FcntlInt(uintptr(quiet[0]), unix.F_SETPIPE_SZ, 128<<10))
	second := open(unix.Open(fifo, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0))
	defer unix.Close(second)
	m = changed(t, s, list)
	if p, _ := state(m[0]); p.Readers != 2 || p.Writers != 1 || p.Queued != 10 {
		t.Errorf("the FIFO that was opened again has %+v", p)
	}
	if p, _ := state(m[1]); p.Capacity != 128<<10 || p.Queued != 0 {
		t.Errorf("the pipe that was made larger has %+v", p)
	}
	if p, _ := state(m[2]); p.Queued != 2000 {
		t.Errorf("the pipe that was read has %+v", p)
	}
}

func state(w bpf.Watched) (bpf.PipeState, bool) { return w.Pipe() }
