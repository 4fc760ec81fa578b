package waitstate

import (
	"bytes"
	"os"
	"path/filepath"

	"github.com/ipctop/ipctop/probe"
)

// markFrozen marks the processes in a frozen control group (cgroups(7)). Their state
// does not show it: with version 2 they sleep in the call they were in, with version 1
// they are in state D.
func markFrozen(idx *probe.Index) {
	frozen := map[string]bool{}
	for _, p := range idx.Processes {
		if p.Kernel || p.Cgroup == "" || p.Cgroup == "/" {
			continue
		}
		is, known := frozen[p.Cgroup]
		if !known {
			is = cgroupFrozen(p.Cgroup)
			frozen[p.Cgroup] = is
		}
		p.Frozen = is
	}
}

// cgroupFrozen reads the files of version 2 (cgroup.events, Linux 5.2), then of version 1
// (freezer.state), at the usual mount points.
func cgroupFrozen(group string) bool {
	const root = "/sys/fs/cgroup"
	for _, dir := range []string{root, filepath.Join(root, "unified")} {
		if b, err := os.ReadFile(filepath.Join(dir, group, "cgroup.events")); err == nil {
			return bytes.Contains(append([]byte("\n"), b...), []byte("\nfrozen 1\n"))
		}
	}
	b, err := os.ReadFile(filepath.Join(root, "freezer", group, "freezer.state"))
	return err == nil && string(bytes.TrimSpace(b)) == "FROZEN"
}
