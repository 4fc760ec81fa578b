package proc

import (
	"cmp"
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// NamespaceTypes are the namespaces that ipctop reads for each process, by
// their names in /proc/PID/ns (namespaces(7)).
var NamespaceTypes = []string{"cgroup", "ipc", "mnt", "net", "pid", "user", "uts"}

// ReadNamespace reads the inode number of a namespace from its link in
// /proc/PID/ns, whose text is "net:[4026531840]".
func ReadNamespace(path string) (uint64, error) {
	link, err := os.Readlink(path)
	if err != nil {
		return 0, err
	}
	return ParseNamespace(link)
}

func ParseNamespace(link string) (uint64, error) {
	_, rest, ok := strings.Cut(link, ":[")
	digits, ok2 := strings.CutSuffix(rest, "]")
	n, err := strconv.ParseUint(digits, 10, 64)
	if !ok || !ok2 || err != nil {
		return 0, fmt.Errorf("namespace link: %w: %q", ErrMalformed, link)
	}
	return n, nil
}

// Namespaces collects the namespaces of the machine, each with several ways to enter
// it: any of them may be gone by then.
type Namespaces struct {
	mu    sync.Mutex
	known map[string]map[uint64]*namespaceWays
}

// namespaceWays are ways into one namespace.
type namespaceWays struct {
	opens []opener
	since uint64 // see [Namespaces.Add]
}

// opener opens a namespace.
type opener func() (fd int, err error)

// maxWays is how many ways into a namespace are remembered.
const maxWays = 8

func NewNamespaces() *Namespaces {
	return &Namespaces{known: map[string]map[uint64]*namespaceWays{}}
}

// NoProcess is the age of a namespace in which no process is known to live.
const NoProcess = math.MaxUint64

// Add remembers that path leads to a namespace. since is when a process in it started,
// in clock ticks since boot, or [NoProcess].
func (n *Namespaces) Add(nsType string, inode uint64, path string, since uint64) {
	n.AddWay(nsType, inode, since, func() (int, error) { return openNamespace(path, nsType, inode) })
}

// AddWay is [Namespaces.Add] with a function that returns a descriptor of the namespace.
func (n *Namespaces) AddWay(nsType string, inode, since uint64, open func() (fd int, err error)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.known[nsType] == nil {
		n.known[nsType] = map[uint64]*namespaceWays{}
	}
	w := n.known[nsType][inode]
	if w == nil {
		w = &namespaceWays{since: NoProcess}
		n.known[nsType][inode] = w
	}
	// The newest one is tried first: the earlier ones may have failed.
	w.since = min(w.since, since)
	w.opens = slices.Insert(w.opens[:min(len(w.opens), maxWays-1)], 0, open)
}

// List returns the namespaces of one type other than own. Those with the oldest processes
// come first, and those without processes last: a user who creates many namespaces does
// not displace older ones.
func (n *Namespaces) List(nsType string, own uint64) []uint64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	var list []uint64
	for inode := range n.known[nsType] {
		if inode != own {
			list = append(list, inode)
		}
	}
	slices.SortFunc(list, func(a, b uint64) int {
		return cmp.Or(cmp.Compare(n.known[nsType][a].since, n.known[nsType][b].since), cmp.Compare(a, b))
	})
	return list
}

// Entered reports whether scans enter namespaces of a type.
func Entered(nsType string) bool { return cloneFlags[nsType] != 0 }

// cloneFlags has the types of namespace that scans enter.
var cloneFlags = map[string]int{"ipc": unix.CLONE_NEWIPC, "net": unix.CLONE_NEWNET}

// Enter puts the calling thread into a namespace. The thread must be one that
// [OnThread] started. Enter closes the namespace's descriptor before it returns: the
// thread keeps the namespace alive, until it enters another one or ends.
func (n *Namespaces) Enter(nsType string, inode uint64) error {
	n.mu.Lock()
	var opens []opener
	if w := n.known[nsType][inode]; w != nil {
		opens = slices.Clone(w.opens)
	}
	n.mu.Unlock()
	return enterNamespace(opens, nsType, inode)
}

// OnThread runs f on its own thread, which ends with f: nothing else ever runs in
// the namespaces that f has entered. The main thread cannot be used, because it
// never ends: it would stay in the namespace, keep it alive, and show it as ipctop's
// own in /proc/self. If the goroutine gets the main thread, it occupies it until
// another thread has done the work.
func OnThread(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() {
			defer runtime.UnlockOSThread()
			OnThread(f)
			return
		}
		f() // stays locked, so that the thread ends
	}()
	<-done
}

// openNamespace opens what path leads to, if that is the namespace. By now
// there may be a FIFO or a terminal at the path, and opening one disturbs its
// users. So the file is first looked at without being opened.
func openNamespace(path, nsType string, inode uint64) (int, error) {
	at, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("open %s: %w", path, err)
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
		return -1, unix.ESRCH // the process through which the path led there has moved to another namespace
	}
	return unix.Open("/proc/self/fd/"+strconv.Itoa(at), unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
}

func enterNamespace(opens []opener, nsType string, inode uint64) error {
	err := fmt.Errorf("%s namespace %d: %w", nsType, inode, unix.ESRCH)
	for _, open := range opens {
		fd, e := open()
		if e != nil {
			if !Gone(e) {
				err = e
			}
			continue
		}
		var st unix.Stat_t
		if e = unix.Fstat(fd, &st); e == nil && st.Ino != inode {
			e = unix.ESRCH // the process through which the path led there has moved to another namespace
		}
		if e == nil {
			e = unix.Setns(fd, cloneFlags[nsType])
		}
		_ = unix.Close(fd)
		switch {
		case e == nil:
			return nil
		case !Gone(e):
			return fmt.Errorf("enter %s namespace %d: %w", nsType, inode, e)
		}
	}
	return err
}
