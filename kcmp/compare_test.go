package kcmp

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/guard"
)

// descriptorsOf opens n event counters and duplicates each of them copies-1
// times. It returns all descriptors in a random order, and the groups by lowest
// number.
func descriptorsOf(t testing.TB, n, copies int) (list []Descriptor, groups map[Descriptor][]Descriptor) {
	t.Helper()
	own := int32(os.Getpid())
	groups = map[Descriptor][]Descriptor{}
	for range n {
		first, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = unix.Close(first) })
		d := Descriptor{own, int32(first)}
		groups[d] = []Descriptor{d}
		for range copies - 1 {
			fd, err := unix.FcntlInt(uintptr(first), unix.F_DUPFD_CLOEXEC, 0)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = unix.Close(fd) })
			groups[d] = append(groups[d], Descriptor{own, int32(fd)})
		}
		list = append(list, groups[d]...)
	}
	rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list, groups
}

func kcmpTask(t testing.TB) *guard.Task {
	own := int32(os.Getpid())
	if _, err := Compare(own, own, Files, 0, 0); err != nil {
		t.Skipf("kcmp: %v", err)
	}
	return guard.New().Task(guard.Item{})
}

func taskItem(task int32) guard.Item { return guard.Item{Key: task} }

func TestGroup(t *testing.T) {
	task := kcmpTask(t)
	list, want := descriptorsOf(t, 20, 3)
	single, _ := descriptorsOf(t, 10, 1)
	own := int32(os.Getpid())
	closed, nobody := Descriptor{own, 1 << 20}, Descriptor{1 << 30, 0}
	list = append(append(list, single...), closed, nobody)
	c := NewComparer(task, taskItem, new(sync.Map))
	got, bad := c.Group(list), c.Failed
	if len(got) != len(want) {
		t.Errorf("%d groups, want %d", len(got), len(want))
	}
	for _, g := range got {
		if !slices.IsSortedFunc(g, func(a, b Descriptor) int { return slices.Index(list, a) - slices.Index(list, b) }) {
			t.Errorf("%v is not in the order of the list", g)
		}
		lowest := slices.MinFunc(g, func(a, b Descriptor) int { return int(a.FD - b.FD) })
		if w := want[lowest]; len(w) != len(g) || slices.ContainsFunc(g, func(d Descriptor) bool { return !slices.Contains(w, d) }) {
			t.Errorf("got %v, want %v", g, w)
		}
	}
	if len(bad) != 2 || bad[closed] != unix.EBADF || bad[nobody] != unix.ESRCH {
		t.Errorf("failures %v", bad)
	}
}

// TestGroupMany: descriptors made by dup are found among any number; one with a
// distant number only while there are few enough to be sorted.
func TestGroupMany(t *testing.T) {
	task := kcmpTask(t)
	for _, n := range []int{MaxSorted / 2, MaxSorted + 1} {
		list, want := descriptorsOf(t, n, 3)
		slices.SortFunc(list, compareDescriptors)
		first, far := list[0], list[0]
		fd, err := unix.FcntlInt(uintptr(first.FD), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = unix.Close(fd) })
		far.FD = int32(fd)
		list = append(list, far)
		few := n <= MaxSorted
		if few {
			want[first] = append(want[first], far)
		}
		got, all := NewComparer(task, taskItem, new(sync.Map)).groupMany(list, func(int32) int32 { return 0 })
		if all != few || len(got) != n {
			t.Errorf("%d descriptions: %d groups, all %v", n, len(got), all)
		}
		for _, g := range got {
			if !slices.Equal(g, want[g[0]]) {
				t.Errorf("%d descriptions: %v, want %v", n, g, want[g[0]])
			}
		}
	}
}

// TestGroupManyAcrossProcesses: descriptors that a process and its children
// have under the same number are found.
func TestGroupManyAcrossProcesses(t *testing.T) {
	task := kcmpTask(t)
	own := int32(os.Getpid())
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	shared := Descriptor{own, int32(r.Fd())}
	list := []Descriptor{shared}
	others, _ := descriptorsOf(t, MaxSorted+1, 1)
	list = append(list, others...)
	want := []Descriptor{shared}
	for range 2 {
		cmd := exec.Command("sleep", "60")
		cmd.ExtraFiles = make([]*os.File, r.Fd()-2)
		cmd.ExtraFiles[r.Fd()-3] = r // under the same number
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
		d := Descriptor{int32(cmd.Process.Pid), shared.FD}
		list, want = append(list, d), append(want, d)
	}
	slices.SortFunc(list, compareDescriptors)
	slices.SortFunc(want, compareDescriptors)
	parents := func(pid int32) int32 {
		if pid == own {
			return int32(os.Getppid())
		}
		return own
	}
	var got [][]Descriptor
	var all bool
	for range 100 {
		c := NewComparer(task, taskItem, new(sync.Map))
		got, all = c.groupMany(list, parents)
		if len(c.Failed) == 0 {
			break
		}
		time.Sleep(10 * time.Millisecond) // one is still in execve(2)
	}
	if all || len(got) != 1 || !slices.Equal(got[0], want) {
		t.Errorf("got %v, all %v, want %v", got, all, want)
	}
}

// TestGroupWithoutLooking: processes that got stuck once are not asked again,
// and descriptors that were not compared are not reported as equal.
func TestGroupWithoutLooking(t *testing.T) {
	kcmpTask(t)
	list, _ := descriptorsOf(t, 3, 2)
	g := guard.New()
	g.MarkStuck(taskItem(int32(os.Getpid())), "kcmp", 0)
	c := NewComparer(g.Task(guard.Item{}), taskItem, new(sync.Map))
	got, bad := c.Group(list), c.Failed
	if len(got) != 0 || len(bad) != len(list) {
		t.Errorf("groups %v, failures %v", got, bad)
	}
}

func BenchmarkGroup(b *testing.B) {
	task := kcmpTask(b)
	list, _ := descriptorsOf(b, 500, 1)
	for b.Loop() {
		NewComparer(task, taskItem, new(sync.Map)).Group(list)
	}
}
