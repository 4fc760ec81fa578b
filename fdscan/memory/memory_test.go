package memory

import (
	"os"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/probe/probetest"
)

func TestMain(m *testing.M) { os.Exit(probetest.Main(m)) }

func TestMemfdName(t *testing.T) {
	for link, want := range map[string]string{
		"/memfd:a b (deleted)":            "a b",
		"/memfd: (deleted)":               "",
		"/memfd:x (deleted) (deleted)":    "x (deleted)",
		"/memfd:/memfd:x (deleted)":       "/memfd:x",
		"/memfd:x":                        "no",
		"memfd:x (deleted)":               "no",
		"/tmp/memfd:x (deleted)":          "no",
		"/memfd:(deleted)":                "no",
		" (deleted)":                      "no",
		"":                                "no",
		"/dev/shm/memfd:a (deleted)":      "no",
		"/memfd:a (deleted) and so forth": "no",
	} {
		name, ok := memfdName([]byte(link))
		if got := string(name); ok != (want != "no") || ok && got != want {
			t.Errorf("%q: %q, %v", link, got, ok)
		}
	}
}

func TestIsAnonymous(t *testing.T) {
	for name, want := range map[string]bool{
		"/dev/zero (deleted)": true, "/anon_hugepage (deleted)": true,
		"/dev/zero": false, "/dev/zero (deleted) (deleted)": false, "/SYSV00000000 (deleted)": false, "": false,
	} {
		if isAnonymous([]byte(name)) != want {
			t.Errorf("%q: not %v", name, want)
		}
	}
}

// ownMemory returns the memory of a kind and size that the test has.
func ownMemory(t *testing.T, kind model.Kind, size int64) *model.Object {
	t.Helper()
	for _, o := range probetest.Scan(t, Memfd(), ShmAnon()).Objects {
		d, ok := o.Detail.(*model.MemoryDetail)
		own := slices.ContainsFunc(o.Holders, func(h model.Holder) bool { return int(h.PID) == os.Getpid() })
		if o.Kind == kind && ok && own && d.Size.Or(-1) == size {
			return o
		}
	}
	return nil
}

func vias(o *model.Object) (list []model.Via) {
	for i := range o.Holders {
		list = append(list, o.Holders[i].Via)
	}
	return list
}

// A memfd is known by its descriptor, and later only by its mapping. It has the size that
// it was given, which need not be a multiple of the page size.
func TestMemfd(t *testing.T) {
	page := os.Getpagesize()
	fd, err := unix.MemfdCreate("ipctop test", unix.MFD_CLOEXEC)
	if err != nil {
		t.Skip(err)
	}
	size := int64(2*page + 1)
	if err := unix.Ftruncate(fd, size); err != nil {
		t.Fatal(err)
	}
	b, err := unix.Mmap(fd, 0, 3*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(b)
	b[0] = 1
	o := ownMemory(t, model.Memfd, size)
	if o == nil || o.Name != "ipctop test" || !slices.Equal(vias(o), []model.Via{model.ViaFD, model.ViaMap}) {
		t.Fatalf("%+v", o)
	}
	if d := o.Detail.(*model.MemoryDetail); d.Allocated.Or(-1) != int64(page) {
		t.Errorf("%v bytes are allocated, want a page", d.Allocated)
	}
	id := o.ID
	if err := unix.Close(fd); err != nil {
		t.Fatal(err)
	}
	snap := probetest.Scan(t, Memfd())
	if o = probetest.Find(snap, id); o == nil || !slices.Equal(vias(o), []model.Via{model.ViaMap}) {
		t.Errorf("without its descriptor: %+v", o)
	}
}

// Shared anonymous memory is one object for all processes that map it.
func TestShmAnon(t *testing.T) {
	probetest.NeedRoot(t, "the size is told by map_files (CAP_CHECKPOINT_RESTORE)")
	page := os.Getpagesize()
	size := int64(7 * page)
	b, err := unix.Mmap(-1, 0, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_ANON)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(b)
	b[3*page] = 1
	o := ownMemory(t, model.ShmAnon, size)
	if o == nil || !slices.Equal(vias(o), []model.Via{model.ViaMap}) {
		t.Fatalf("%+v", o)
	}
	if d := o.Detail.(*model.MemoryDetail); d.Allocated.Or(-1) != int64(page) {
		t.Errorf("%v bytes are allocated, want a page", d.Allocated)
	}
}

// The present pages of a mapping are counted, also beyond the number of pagemap entries
// that are read at once.
func TestResident(t *testing.T) {
	page := os.Getpagesize()
	const pages = 4096 + 1
	b, err := unix.Mmap(-1, 0, pages*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_ANON)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(b)
	for _, n := range []int{0, 4095, 4096} {
		b[n*page] = 1
	}
	own := os.Getpid()
	snap := probetest.ScanWith(t, probe.Options{
		Probes: []probe.Probe{ShmAnon(), Resident()},
		Detail: func(*model.Snapshot) ([]int, []string) { return []int{own}, nil },
	})
	for _, o := range snap.Objects {
		for i := range o.Holders {
			h := &o.Holders[i]
			if int(h.PID) != own || h.Extent == nil || h.Size.Or(0) != int64(pages*page) {
				continue
			}
			if h.RSS.Or(-1) != int64(3*page) {
				t.Errorf("%v bytes are present, want three pages", h.RSS)
			}
			return
		}
	}
	t.Errorf("the mapping is not found; gaps %+v", snap.Gaps)
}
