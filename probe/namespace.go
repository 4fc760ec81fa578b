package probe

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/guard"
)

// NamespaceTypes are the namespaces ipctop reads of each process, by their
// names in /proc/PID/ns (namespaces(7)).
var NamespaceTypes = []string{"cgroup", "ipc", "mnt", "net", "pid", "user", "uts"}

// waitNamespaces are those that say which objects processes mean by a number or path.
var waitNamespaces = []string{"ipc", "mnt", "net", "pid"}

// ReadNamespace reads the inode number of a namespace from its link in
// /proc/PID/ns, whose text is "net:[4026531840]".
func ReadNamespace(path string) (uint64, error) {
	link, err := os.Readlink(path)
	if err != nil {
		return 0, err
	}
	return parseNamespace(link)
}

func parseNamespace(link string) (uint64, error) {
	_, rest, ok := strings.Cut(link, ":[")
	digits, ok2 := strings.CutSuffix(rest, "]")
	n, err := strconv.ParseUint(digits, 10, 64)
	if !ok || !ok2 || err != nil {
		return 0, fmt.Errorf("namespace link: %w: %q", ErrMalformed, link)
	}
	return n, nil
}

// namespaces collects the namespaces of the machine, each with some of the files
// through which it can be entered: any of them may be gone when that happens.
type namespaces struct {
	mu    sync.Mutex
	doors map[string]map[uint64][]string
}

// maxDoors is how many files are remembered for each namespace.
const maxDoors = 8

func newNamespaces() *namespaces {
	return &namespaces{doors: map[string]map[uint64][]string{}}
}

// add remembers that path leads to a namespace.
func (n *namespaces) add(nsType string, inode uint64, path string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.doors[nsType] == nil {
		n.doors[nsType] = map[uint64][]string{}
	}
	if d := n.doors[nsType][inode]; len(d) < maxDoors {
		n.doors[nsType][inode] = append(d, path)
	}
}

// addProcess remembers the namespaces a process lives in.
func (n *namespaces) addProcess(p *Proc) {
	for t, inode := range p.Model.Namespaces {
		if cloneFlags[t] != 0 && inode != p.Scan.Own[t] {
			n.add(t, inode, p.Dir.path+"/ns/"+t)
		}
	}
}

// addLink remembers the namespace that a descriptor keeps alive, which may have
// no process in it.
func (n *namespaces) addLink(fd *FD) {
	nsType, _, ok := strings.Cut(string(fd.Link), ":[")
	if !ok || cloneFlags[nsType] == 0 {
		return
	}
	if inode, err := parseNamespace(string(fd.Link)); err == nil && inode != fd.Proc.Scan.Own[nsType] {
		n.add(nsType, inode, fd.dir.path+"/"+itoa(int(fd.Num)))
	}
}

// list returns the namespaces of one type other than own, by inode number.
func (n *namespaces) list(nsType string, own uint64) []uint64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	var list []uint64
	for inode := range n.doors[nsType] {
		if inode != own {
			list = append(list, inode)
		}
	}
	slices.Sort(list)
	return list
}

// cloneFlags has the types of namespace that scans enter.
var cloneFlags = map[string]int{"ipc": unix.CLONE_NEWIPC, "net": unix.CLONE_NEWNET}

// inNamespace runs f on a thread that has entered the namespace. The thread ends
// with f, so nothing else ever runs in that namespace, and the namespace's
// descriptor is closed before f is called: ipctop keeps it alive for no longer
// than f takes.
func (s *Scan) inNamespace(nsType string, inode uint64, f func()) error {
	s.nss.mu.Lock()
	doors := slices.Clone(s.nss.doors[nsType][inode])
	s.nss.mu.Unlock()
	var err error
	onThread(func() {
		if err = enterNamespace(doors, nsType, inode); err == nil {
			f()
		}
	})
	return err
}

// inNamespaceInTime is inNamespace with an end: ways into a namespace can lead
// past programs that do not answer.
func (s *Scan) inNamespaceInTime(ctx context.Context, nsType string, inode uint64, f func()) error {
	op := strconv.FormatUint(inode, 10)
	if s.scanner.guard.Skips(nsType, op, 0) {
		return guard.ErrGivenUp
	}
	done := make(chan error, 1)
	go func() { done <- s.inNamespace(nsType, inode, f) }()
	late := time.NewTimer(tableDeadline)
	defer late.Stop()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-late.C:
		back := s.scanner.guard.MarkStuck(nsType, op, 0)
		go func() { <-done; back() }()
		return guard.ErrGivenUp
	}
}

// onThread runs f on a thread of its own, which ends with it. The main thread
// will not do, because it never ends: it would stay in the namespace, keep it
// alive, and show it as ipctop's own in /proc/self. If the goroutine is given
// that one, it holds it until another has been at work.
func onThread(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() {
			defer runtime.UnlockOSThread()
			onThread(f)
			return
		}
		f() // stays locked, so that the thread ends
	}()
	<-done
}

// openNamespace opens what path leads to, if that is the namespace. Where a
// namespace was there may be a FIFO or a terminal by now, and to open one of
// those disturbs its users: so it is first reached without being opened.
func openNamespace(path, nsType string, inode uint64) (int, error) {
	at, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	defer unix.Close(at)
	var own, st unix.Statx_t
	const flags = unix.AT_STATX_DONT_SYNC
	if err := unix.Statx(unix.AT_FDCWD, "/proc/self/ns/"+nsType, flags, unix.STATX_INO, &own); err != nil {
		return -1, err
	}
	if err := unix.Statx(at, "", flags|unix.AT_EMPTY_PATH, unix.STATX_INO, &st); err != nil {
		return -1, err
	}
	// All namespaces are on one file system, nsfs.
	if st.Ino != inode || st.Dev_major != own.Dev_major || st.Dev_minor != own.Dev_minor {
		return -1, unix.ESRCH // whoever led there has moved on
	}
	return unix.Open("/proc/self/fd/"+itoa(at), unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
}

func enterNamespace(doors []string, nsType string, inode uint64) error {
	err := fmt.Errorf("%s namespace %d: %w", nsType, inode, unix.ESRCH)
	for _, path := range doors {
		fd, e := openNamespace(path, nsType, inode)
		if e != nil {
			if !Gone(e) {
				err = fmt.Errorf("open %s: %w", path, e)
			}
			continue
		}
		e = unix.Setns(fd, cloneFlags[nsType])
		_ = unix.Close(fd)
		if e != nil {
			return fmt.Errorf("enter %s: %w", path, e)
		}
		return nil
	}
	return err
}
