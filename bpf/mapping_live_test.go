package bpf_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/bpf"
	"github.com/ipctop/ipctop/probe/probetest"
	"github.com/ipctop/ipctop/proc"
)

// mapShared maps a file, or memory without a file, for as long as the test runs.
func mapShared(t *testing.T, fd int, prot int) {
	t.Helper()
	flags := unix.MAP_SHARED
	if fd < 0 {
		flags |= unix.MAP_ANONYMOUS
	}
	b, err := unix.Mmap(fd, 0, os.Getpagesize(), prot, flags)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Munmap(b) })
}

// mapFile maps a new file with this name.
func mapFile(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(int64(os.Getpagesize())); err != nil {
		t.Fatal(err)
	}
	mapShared(t, int(f.Fd()), unix.PROT_READ|unix.PROT_WRITE)
}

// mappingsBySource returns the mappings of each process for which the source has all of them.
func mappingsBySource(t *testing.T, s *bpf.Source) map[int]string {
	t.Helper()
	text, all := map[int]*strings.Builder{}, map[int]string{}
	err := s.Mappings(func(m *bpf.Mapping) {
		if text[m.TID] == nil {
			text[m.TID] = new(strings.Builder)
		}
		perms := []byte("---s")
		if m.Readable {
			perms[0] = 'r'
		}
		if m.Writable {
			perms[1] = 'w'
		}
		name := string(m.Name)
		switch {
		case m.Memory:
			name = "/" + name + " (deleted)"
		case m.Deleted:
			name += " (deleted)"
		}
		fmt.Fprintf(text[m.TID], "%x-%x %s %x %x:%d %q\n", m.Start, m.End, perms, m.Offset, proc.Dev(m.DevMajor, m.DevMinor), m.Ino, name)
	}, func(pid, tid int, known bool) {
		if known {
			all[pid] = ""
			if b := text[tid]; b != nil {
				all[pid] = b.String()
			}
		}
	})
	if !kernelHasMappings() {
		t.Skip("before Linux 6.4: ", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// kernelHasMappings reports whether the kernel tells when mappings were changed.
func kernelHasMappings() bool { return kernelFrom(6, 4) }

// kernelFrom reports whether the kernel has this release or a later one.
func kernelFrom(wantMajor, wantMinor int) bool {
	var major, minor int
	b, err := os.ReadFile("/proc/sys/kernel/osrelease")
	n, _ := fmt.Sscanf(string(b), "%d.%d", &major, &minor)
	return err == nil && n == 2 && (major > wantMajor || major == wantMajor && minor >= wantMinor)
}

// memoryName is the name that maps shows for memory that is in no directory.
var memoryName = regexp.MustCompile(`^/(dev/zero|anon_hugepage|memfd:.*|SYSV[0-9a-f]{8}) \(deleted\)$`)

func mappingsByProc(pid int) (string, error) {
	dir, err := proc.OpenDir(fmt.Sprintf("/proc/%d", pid))
	if err != nil {
		return "", err
	}
	defer dir.Close()
	var b strings.Builder
	var m proc.MapsEntry
	err = dir.SharedMappings("maps", &m, make([]byte, 4200), func() {
		name := string(m.Name)
		if !memoryName.MatchString(name) {
			name = path.Base(name)
		}
		fmt.Fprintf(&b, "%x-%x %s %x %x:%d %q\n", m.Start, m.End, m.Perms, m.Offset, m.Dev, m.Ino, name)
	})
	return b.String(), err
}

// TestMappingsAgreeWithProc compares the shared mappings of all processes, including this
// one, which has one of each kind.
func TestMappingsAgreeWithProc(t *testing.T) {
	s := open(t)
	dir := t.TempDir()
	mapShared(t, -1, unix.PROT_READ)
	mapShared(t, -1, unix.PROT_NONE)
	mapFile(t, filepath.Join(dir, "plain"))
	mapFile(t, filepath.Join(dir, "a\nname \\ of [many"))
	mapFile(t, filepath.Join(dir, "deleted"))
	if err := os.Remove(filepath.Join(dir, "deleted")); err != nil {
		t.Fatal(err)
	}
	fd, err := unix.MemfdCreate("memory", unix.MFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.Ftruncate(fd, int64(os.Getpagesize())); err != nil {
		t.Fatal(err)
	}
	mapShared(t, fd, unix.PROT_WRITE)

	var compared int
	probetest.Persistent(t, func() map[string]string {
		compared = 0
		differences := map[string]string{}
		for pid, got := range mappingsBySource(t, s) {
			want, err := mappingsByProc(pid)
			if errors.Is(err, fs.ErrPermission) || proc.Gone(err) {
				continue
			}
			if compared++; err != nil || got != want {
				differences[fmt.Sprintf("process %d", pid)] = fmt.Sprintf("%v\n  bpf\n%s  proc\n%s", err, got, want)
			}
		}
		if text := mappingsBySource(t, s)[os.Getpid()]; strings.Count(text, "\n") < 6 {
			differences["this process"] = text
		}
		return differences
	})
	t.Logf("compared %d processes", compared)
}

// TestMappingsOfOverlay: an overlay maps a file that it does not show.
func TestMappingsOfOverlay(t *testing.T) {
	s := open(t)
	own := t.TempDir()
	var err error
	proc.OnThread(func() { err = mapFromOverlay(t, own) })
	if err != nil {
		t.Skip("no overlay: ", err)
	}
	probetest.Persistent(t, func() map[string]string {
		got, told := mappingsBySource(t, s)[os.Getpid()]
		if want, err := mappingsByProc(os.Getpid()); err != nil || told && got != want {
			return map[string]string{"this process": fmt.Sprintf("%v\n  bpf\n%s  proc\n%s", err, got, want)}
		}
		return nil
	})
}

// mapFromOverlay maps a file of an overlay that only the calling thread sees.
func mapFromOverlay(t *testing.T, dir string) error {
	if err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS); err != nil {
		return err
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, ""); err != nil {
		return err
	}
	for _, name := range []string{"lower", "upper", "work", "all"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			return err
		}
	}
	options := fmt.Sprintf("lowerdir=%[1]s/lower,upperdir=%[1]s/upper,workdir=%[1]s/work", dir)
	if err := unix.Mount("overlay", dir+"/all", "overlay", 0, options); err != nil {
		return err
	}
	mapFile(t, dir+"/all/file")
	return nil
}
