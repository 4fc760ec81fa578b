package container

import (
	"path"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/proc"
)

// Where runtimes keep what they know of a container. The results are
// remembered, so each container is looked up once.
const (
	kubeletLogs = "/var/log/containers"
	kubeletPods = "/var/log/pods"
	dockerState = "/var/lib/docker/containers"
	crioState   = "/run/containers/storage/overlay-containers"
	storage     = "/var/lib/containers/storage"
	taskDir     = "io.containerd.runtime.v2.task"
)

// storageLists are the lists of containers in [storage], by the driver of their layers.
// Containers that are removed when they end (podman run --rm) are in a list of their own.
var storageLists = []string{
	"overlay-containers/containers.json", "overlay-containers/volatile-containers.json",
	"vfs-containers/containers.json", "vfs-containers/volatile-containers.json",
	"btrfs-containers/containers.json", "btrfs-containers/volatile-containers.json",
	"zfs-containers/containers.json", "zfs-containers/volatile-containers.json",
}

var containerdStates = []string{"/run/containerd/" + taskDir, "/run/k3s/containerd/" + taskDir}

// maxState is how large a runtime's file may be.
const maxState = 8 << 20

// maxLookups is how often a container without a name is looked up: its runtime
// may not have written the name yet.
const maxLookups = 3

// Names caches what was found out about containers, by id, across scans.
type Names struct {
	known  map[string]model.Container
	failed map[string]int
}

// Wanted drops containers that are gone, and returns those that must be looked up.
// ids are all containers, each with the uid of its pod, if it has one.
func (n *Names) Wanted(ids map[string]string) (wanted map[string]string) {
	known, failed := map[string]model.Container{}, map[string]int{}
	wanted = map[string]string{}
	for id, pod := range ids {
		k, ok := n.known[id]
		if ok {
			known[id] = k
		}
		if f := n.failed[id]; f > 0 {
			failed[id] = f
		}
		if !ok && n.failed[id] < maxLookups {
			wanted[id] = pod
		}
	}
	n.known, n.failed = known, failed
	return wanted
}

// Found stores the results of [LookUp] for the wanted containers.
func (n *Names) Found(wanted map[string]string, found map[string]model.Container) {
	for id := range wanted {
		if c, ok := found[id]; ok {
			n.known[id] = c
		} else {
			n.failed[id]++
		}
	}
}

// Get returns what is known of a container.
func (n *Names) Get(id string) (c model.Container, ok bool) {
	c, ok = n.known[id]
	c.ID = id
	return c, ok
}

// LookUp looks up containers in the file system below an open root directory. It
// reads only files on local file systems.
func LookUp(t *guard.Task, root int, mounts *proc.MountTable, wanted map[string]string) map[string]model.Container {
	f := stateFiles{task: t, root: root, mounts: mounts}
	return f.lookUp(wanted)
}

// stateFiles reads runtimes' files below a root directory.
type stateFiles struct {
	task   *guard.Task
	root   int
	mounts *proc.MountTable
}

// lookUp asks one source after the other, the cheapest first, for the
// containers that are not known yet.
func (f *stateFiles) lookUp(wanted map[string]string) map[string]model.Container {
	found := map[string]model.Container{}
	take := func(id string, c model.Container, ok bool) {
		if _, want := wanted[id]; want && ok {
			c.ID = id
			found[id] = c
		}
	}
	for _, name := range f.list(kubeletLogs) {
		c, ok := parseLogName(name)
		take(c.ID, c, ok)
	}
	missing := func() []string {
		var ids []string
		for id := range wanted {
			if _, ok := found[id]; !ok && isContainerID(id) {
				ids = append(ids, id)
			}
		}
		slices.Sort(ids)
		return ids
	}
	for _, id := range missing() {
		c, ok := parseDockerConfig(f.read(path.Join(dockerState, id, "config.v2.json")))
		take(id, c, ok)
	}
	for _, dir := range containerdStates {
		if len(missing()) == 0 {
			break
		}
		for _, ns := range f.list(dir) {
			for _, id := range missing() {
				c, ok := parseSpec(f.read(path.Join(dir, ns, id, "config.json")))
				take(id, c, ok)
			}
		}
	}
	for _, id := range missing() {
		c, ok := parseSpec(f.read(path.Join(crioState, id, "userdata/config.json")))
		take(id, c, ok)
	}
	for _, list := range storageLists {
		if len(missing()) == 0 {
			break
		}
		for id, c := range parseStorage(f.read(path.Join(storage, list))) {
			if _, known := found[id]; !known {
				take(id, c, true)
			}
		}
	}
	f.pods(wanted, found)
	return found
}

// pods finds the names of containers' pods by the pods' uids.
func (f *stateFiles) pods(wanted map[string]string, found map[string]model.Container) {
	byUID := map[string][]string{}
	for id, uid := range wanted {
		if uid != "" && found[id].Pod == "" {
			byUID[uid] = append(byUID[uid], id)
		}
	}
	if len(byUID) == 0 {
		return
	}
	for _, name := range f.list(kubeletPods) {
		uid, pod, ok := parsePodDirectory(name)
		if !ok {
			continue
		}
		for _, id := range byUID[uid] {
			c := found[id]
			c.ID, c.Pod, c.PodNamespace = id, pod.Pod, pod.PodNamespace
			found[id] = c
		}
	}
}

// open opens a file or directory for reading. It does so only if nothing on the
// path is foreign, and if it can open it without leaving a trace: if O_NOATIME is
// refused, it does not open it.
func (f *stateFiles) open(name string, flags int) (int, bool) {
	if !f.mounts.LocalPath(name) || !f.task.Begin("read state", 0) {
		return -1, false
	}
	defer f.task.End()
	fd, err := unix.Openat2(f.root, name[1:], &unix.OpenHow{
		Flags:   uint64(flags | unix.O_RDONLY | unix.O_NOATIME | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC),
		Resolve: unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS,
	})
	return fd, err == nil
}

// read reads a file; nil if there is none that may be read.
func (f *stateFiles) read(name string) []byte {
	fd, ok := f.open(name, 0)
	if !ok {
		return nil
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG || st.Size > maxState {
		return nil
	}
	text := make([]byte, st.Size)
	for n := 0; n < len(text); {
		k, err := unix.Pread(fd, text[n:], int64(n))
		if err != nil || k == 0 {
			return nil // the file is just being written
		}
		n += k
	}
	return text
}

// list lists a directory.
func (f *stateFiles) list(name string) (names []string) {
	fd, ok := f.open(name, unix.O_DIRECTORY)
	if !ok {
		return nil
	}
	defer unix.Close(fd)
	names, _ = proc.ListNames(fd)
	return names
}
