package waitstate

import (
	"bytes"
	"os"
	"path/filepath"

	"github.com/ipctop/ipctop/probe"
)

// markFrozen notes which processes are in a control group that is frozen
// (cgroups(7)): with version 2 they sleep in the call they were in, with version
// 1 they are in state D; neither tells.
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

// cgroupFrozen asks version 2 (cgroup.events, Linux 5.2), then version 1
// (freezer.state), where they are usually mounted.
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
