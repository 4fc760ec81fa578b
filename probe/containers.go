package probe

import (
	"path"

	"github.com/ipctop/ipctop/container"
	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/model"
	"golang.org/x/sys/unix"
)

// nameContainers gives containers the names that the runtimes have written down.
// Without the right to read these, containers have no name.
func (s *Scan) nameContainers() {
	names := &s.scanner.containers
	all := map[string]string{} // id → pod's uid
	for _, r := range s.results {
		if r.process == nil || r.process.Container == nil || r.process.Container.Name != "" {
			continue
		}
		all[r.process.Container.ID] = container.PodOf(r.process.Cgroup)
	}
	if wanted := names.Wanted(all); len(wanted) > 0 {
		s.scanner.guard.Each(1, 1, func(int) guard.Item { return guard.Item{Key: "containers"} }, func(t *guard.Task, _ int) func() {
			found := s.lookUpContainers(t, wanted)
			return func() { names.Found(wanted, found) }
		})
	}
	for _, r := range s.results {
		if r.process == nil || r.process.Container == nil {
			continue
		}
		if c, ok := names.Get(r.process.Container.ID); ok && c != *r.process.Container {
			r.process.Container = &c
		}
	}
}

// lookUpContainers looks in the file system of process 1, which is the host's
// where ipctop runs in a container that shows the host's processes; else in
// ipctop's own.
func (s *Scan) lookUpContainers(t *guard.Task, wanted map[string]string) map[string]model.Container {
	for _, root := range []string{path.Join(s.ProcRoot, "1/root"), "/"} {
		if !t.Begin("open root", 0) {
			return nil
		}
		fd, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		t.End()
		if err != nil {
			continue
		}
		found := container.LookUp(t, fd, s.mounts.known(s.mountNSOf(root)), wanted)
		_ = unix.Close(fd) // fd keeps the namespace alive no longer than that
		return found
	}
	return nil
}

// mountNSOf returns the mount namespace of the files below a root directory.
func (s *Scan) mountNSOf(root string) uint64 {
	if root == "/" {
		return s.Own["mnt"]
	}
	for _, r := range s.results {
		if r.process != nil && r.process.PID == 1 {
			return r.process.Namespaces["mnt"]
		}
	}
	return 0
}
