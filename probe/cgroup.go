package probe

import (
	"bytes"
	"path"
	"regexp"
	"strings"

	"github.com/ipctop/ipctop/model"
)

// parseCgroup finds the control group path in /proc/PID/cgroup (cgroups(7)):
// that of the unified hierarchy, else of systemd's, else the first that is not
// the root.
func parseCgroup(b []byte) string {
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

var containerID = regexp.MustCompile(`^(?:[a-z-]+-)?([0-9a-f]{64})(?:\.scope)?$`)

// unitSuffixes are the unit types that own processes (systemd.unit(5)).
var unitSuffixes = []string{".service", ".scope", ".socket", ".mount", ".swap"}

// placeProcess sets unit and container from the control group path. Runtimes
// write the container's id into its last part: docker-ID.scope, libpod-ID.scope,
// cri-containerd-ID.scope, /docker/ID, …/podUID/ID; LXC writes its name.
func placeProcess(p *model.Process) {
	parts := strings.Split(p.Cgroup, "/")
	for i := len(parts) - 1; i >= 0; i-- {
		part := parts[i]
		if m := containerID.FindStringSubmatch(part); m != nil && p.Container == nil {
			p.Container = &model.Container{ID: m[1]}
		}
		if name, ok := strings.CutPrefix(part, "lxc.payload."); ok && p.Container == nil {
			p.Container = &model.Container{ID: name, Name: name}
		}
		for _, suffix := range unitSuffixes {
			if p.Unit == "" && strings.HasSuffix(part, suffix) && len(part) > len(suffix) {
				p.Unit = part
			}
		}
	}
}

// interpreters run a script that people know better than the interpreter.
var interpreters = regexp.MustCompile(
	`^(?:python[0-9.]*|pypy[0-9.]*|perl[0-9.]*|ruby[0-9.]*|node|nodejs|php[0-9.]*|lua[0-9.]*|tclsh[0-9.]*|wish[0-9.]*|` +
		`(?:ba|da|z|k|mk|fi|a)?sh|java|busybox|guile|Rscript|deno|bun)$`)

// label is the name people know a process by.
func label(p *model.Process) string {
	if len(p.Cmdline) == 0 {
		return p.Comm
	}
	program := path.Base(strings.TrimPrefix(p.Cmdline[0], "-"))
	if !interpreters.MatchString(program) {
		if program == "." || program == "/" || strings.ContainsAny(program, " :") {
			return p.Comm // it has rewritten its arguments to a title
		}
		return program
	}
	args := p.Cmdline[1:]
	for i := 0; i < len(args); i++ {
		a := args[i]
		switch {
		case a == "-c" || a == "-e" || a == "":
			return program
		case (a == "-m" || a == "-jar") && i+1 < len(args):
			return path.Base(args[i+1])
		case a == "-cp" || a == "-classpath" || a == "-W" || a == "-X" || a == "-r":
			i++ // takes a value
		case strings.HasPrefix(a, "/dev/fd/") || strings.HasPrefix(a, "/proc/"):
			return program // a script without a name of its own
		case !strings.HasPrefix(a, "-"):
			return path.Base(a)
		}
	}
	return program
}
