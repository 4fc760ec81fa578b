package probe

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
)

// NamespaceTypes are the namespaces ipctop reads of each process, by their
// names in /proc/PID/ns (namespaces(7)).
var NamespaceTypes = []string{"cgroup", "ipc", "mnt", "net", "pid", "user", "uts"}

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

// namespaces collects the namespaces in which processes live, with some of the
// processes in each: any of them may be gone when its namespace is entered.
type namespaces struct {
	mu      sync.Mutex
	members map[string]map[uint64][]int
}

// maxMembers is how many processes are remembered for each namespace.
const maxMembers = 8

func newNamespaces() *namespaces {
	return &namespaces{members: map[string]map[uint64][]int{}}
}

func (n *namespaces) add(p *model.Process) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for t, inode := range p.Namespaces {
		if n.members[t] == nil {
			n.members[t] = map[uint64][]int{}
		}
		if m := n.members[t][inode]; len(m) < maxMembers {
			n.members[t][inode] = append(m, p.PID)
		}
	}
}

// list returns the namespaces of one type other than own, by inode number.
func (n *namespaces) list(nsType string, own uint64) []uint64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	var list []uint64
	for inode := range n.members[nsType] {
		if inode != own {
			list = append(list, inode)
		}
	}
	slices.Sort(list)
	return list
}

var cloneFlags = map[string]int{"ipc": unix.CLONE_NEWIPC, "net": unix.CLONE_NEWNET}

// inNamespace runs f on a thread that has entered the namespace, which it does
// through the processes living there. The thread ends with f, so nothing else
// ever runs in that namespace; the namespace's descriptor is closed before f is
// called, so ipctop keeps it alive for no longer than f takes.
func (s *Scan) inNamespace(nsType string, inode uint64, f func()) error {
	s.nss.mu.Lock()
	pids := slices.Clone(s.nss.members[nsType][inode])
	s.nss.mu.Unlock()
	var err error
	onThread(func() {
		if err = enterNamespace(s.ProcRoot, pids, nsType, inode); err == nil {
			f()
		}
	})
	return err
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

func enterNamespace(procRoot string, pids []int, nsType string, inode uint64) error {
	err := fmt.Errorf("%s namespace %d: %w", nsType, inode, unix.ESRCH)
	for _, pid := range pids {
		path := procRoot + "/" + itoa(pid) + "/ns/" + nsType
		fd, e := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if e != nil {
			if !errors.Is(e, unix.ENOENT) && !errors.Is(e, unix.ESRCH) {
				err = fmt.Errorf("open %s: %w", path, e)
			}
			continue
		}
		var st unix.Stat_t
		if unix.Fstat(fd, &st) != nil || st.Ino != inode {
			_ = unix.Close(fd) // the process has moved on
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
