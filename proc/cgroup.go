package proc

import "bytes"

// ParseCgroup finds the control group path in /proc/PID/cgroup (cgroups(7)):
// that of the unified hierarchy, else of systemd's, else the first that is not
// the root.
func ParseCgroup(b []byte) string {
	var systemd, first, unified string
	for line := range bytes.Lines(b) {
		parts := bytes.SplitN(bytes.TrimRight(line, "\n"), []byte(":"), 3)
		if len(parts) != 3 || !bytes.HasPrefix(parts[2], []byte("/")) {
			continue
		}
		dir := string(parts[2])
		switch {
		case string(parts[0]) == "0" && len(parts[1]) == 0:
			unified = dir
		case string(parts[1]) == "name=systemd":
			systemd = dir
		case first == "" && dir != "/":
			first = dir
		}
	}
	for _, dir := range []string{unified, systemd, first} {
		if dir != "" && dir != "/" {
			return dir
		}
	}
	return unified
}
