package filelock

import (
	"os"
	"slices"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/kcmp"
)

// A user can have very many locks that look alike: to distinguish the descriptions behind them
// takes n log n comparisons, each under guard.
func TestDescriptionsOfVeryMany(t *testing.T) {
	own := int32(os.Getpid())
	if _, err := kcmp.Compare(own, own, kcmp.Files, 0, 0); err != nil {
		t.Skipf("kcmp: %v", err)
	}
	const many = 200
	var list []lockOwner
	for range many {
		fd, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = unix.Close(fd) })
		again, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = unix.Close(again) })
		list = append(list, lockOwner{pid: own, fd: int32(fd)}, lockOwner{pid: own, fd: int32(again)})
	}
	compared := 0
	item := func(task int32) guard.Item {
		compared++
		return guard.Item{Key: task}
	}
	groups := descriptions(kcmp.NewComparer(guard.New().Task(guard.Item{}), item, new(sync.Map)), list)
	if len(groups) != many {
		t.Fatalf("%d descriptions, want %d", len(groups), many)
	}
	for i, g := range groups {
		fds := []int32{g[0].fd, g[len(g)-1].fd}
		if len(g) != 2 || !slices.Equal(fds, []int32{list[2*i].fd, list[2*i+1].fd}) {
			t.Errorf("descriptors of one description: %v, want %d and %d", fds, list[2*i].fd, list[2*i+1].fd)
		}
	}
	if most := 30 * len(list); compared > most {
		t.Errorf("%d comparisons of %d descriptors, want at most %d", compared, len(list), most)
	}
	closed := append(slices.Clone(list), lockOwner{pid: own, fd: 1 << 20})
	if groups := descriptions(kcmp.NewComparer(guard.New().Task(guard.Item{}), item, new(sync.Map)), closed); groups != nil {
		t.Errorf("%d descriptions with one that cannot be compared", len(groups))
	}
}
