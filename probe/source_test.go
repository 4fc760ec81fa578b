package probe_test

import (
	"errors"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/bpf"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/probe/probetest"
)

// told is a source that knows the descriptors of one process, and of no thread whether it has run.
type told struct {
	pid   int
	files []bpf.File
}

func (told) Tasks(bpf.TaskParts, func(*bpf.Task)) error { return nil }
func (told) Files(func(*bpf.File)) error                { return nil }
func (told) Owns(int) bool                              { return false }

func (told) Mappings(func(*bpf.Mapping), func(int, int, bool)) error { return unix.EINVAL }

func (told) Contents(func(bpf.Content)) error { return errors.ErrUnsupported }

func (told) SocketSum(bpf.SocketTable) (bpf.SocketSum, error) {
	return bpf.SocketSum{}, errors.ErrUnsupported
}

func (told) Changed([]bpf.Watched, func(int, bpf.Watched)) error {
	return unix.EINVAL
}

func (s told) FilesOf(pid int, f func(*bpf.File)) error {
	if pid != s.pid {
		return unix.EINVAL
	}
	for i := range s.files {
		f(&s.files[i])
	}
	return nil
}

// seenBy returns the descriptors of a process that a scan hands to probes.
func seenBy(t *testing.T, pid int, source probe.Source, use probe.SourceUse) (links []string, snap *model.Snapshot) {
	t.Helper()
	var mu sync.Mutex
	p := probe.Probe{Name: "test", FD: func(fd *probe.FD, _ *probe.Collector) bool {
		if int(fd.Proc.PID()) == pid {
			mode, err := fd.Type()
			if err != nil {
				mode = 0
			}
			mu.Lock()
			defer mu.Unlock()
			links = append(links, string(fd.Link)+" "+string(fd.Access())+" "+strconv.FormatUint(uint64(mode), 8))
		}
		return true
	}}
	snap = probetest.ScanWith(t, probe.Options{
		Probes: []probe.Probe{p}, Source: func() (probe.Source, error) { return source, nil }, SourceUse: use,
	})
	return links, snap
}

func toldOf(pid int) told {
	return told{pid, []bpf.File{
		{PID: pid, TID: pid, FD: 3, Link: []byte("/run/a"), Read: true, Mode: unix.S_IFIFO | 0o600},
		{PID: pid, TID: pid, FD: 9, Link: []byte("/run/b"), Read: true, Write: true, Mode: unix.S_IFREG | 0o600},
	}}
}

var toldLinks = []string{"/run/a r 10000", "/run/b rw 100000"}

func TestDescriptorsFromSource(t *testing.T) {
	cmd := exec.Command("sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Skip(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	pid := cmd.Process.Pid
	links, snap := seenBy(t, pid, toldOf(pid), probe.SourceAlways)
	if !slices.Equal(links, toldLinks) {
		t.Errorf("the probes saw %q", links)
	}
	for _, p := range snap.Processes {
		if p.PID == pid && p.FDs != model.Some(2) {
			t.Errorf("the process has %v descriptors", p.FDs)
		}
	}
	if links, _ := seenBy(t, pid, told{}, probe.SourceAlways); len(links) < 3 || slices.Contains(links, toldLinks[0]) {
		t.Errorf("of a process that the source does not know the probes saw %q", links)
	}
}

// If many files are open, a single scan uses the source without being asked to.
func TestSourceWhereWorth(t *testing.T) {
	const many = 5000
	for range many {
		fd, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Skipf("so many files cannot be opened here: %v", err)
		}
		defer unix.Close(fd)
	}
	cmd := exec.Command("sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Skip(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	pid := cmd.Process.Pid
	if links, _ := seenBy(t, pid, toldOf(pid), probe.SourceWhereWorth); !slices.Equal(links, toldLinks) {
		t.Errorf("the probes saw %q", links)
	}
}

// What the proc file system refuses is read from the source.
func TestRefusedDescriptorsFromSource(t *testing.T) {
	refused := 0
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		dir := "/proc/" + e.Name() + "/fd"
		list, err := os.ReadDir(dir)
		if err == nil && len(list) > 0 {
			_, err = os.Readlink(dir + "/" + list[0].Name())
		}
		if os.IsPermission(err) {
			refused = pid
			break
		}
	}
	if refused == 0 {
		t.Skip("every process may be looked at here")
	}
	links, snap := seenBy(t, refused, toldOf(refused), probe.SourceWhereWorth)
	if !slices.Equal(links, toldLinks) {
		t.Errorf("of process %d the probes saw %q", refused, links)
	}
	for _, g := range snap.Gaps {
		if g.PID == refused && g.Probe == "fd" {
			t.Errorf("there is a gap %+v", g)
		}
	}
}
