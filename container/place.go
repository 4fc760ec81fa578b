package container

import (
	"regexp"
	"slices"
	"strings"

	"github.com/ipctop/ipctop/model"
)

// containerID is the last part of a container's control group: docker-ID.scope,
// libpod-ID.scope, cri-containerd-ID.scope, crio-ID.scope, nerdctl-ID.scope, or ID
// alone below /docker, /kubepods and the like.
var containerID = regexp.MustCompile(`^(?:([a-z-]+)-)?([0-9a-f]{64})(?:\.scope)?$`)

// containerNames are the forms in which runtimes write the name of a container that has no id.
var containerNames = []struct{ before, after string }{
	{"lxc.payload.", ""},            // LXC, LXD, Incus
	{"systemd-nspawn@", ".service"}, // machinectl
}

// podUID is the part of the path for a pod: podUID, or
// kubepods-CLASS-podUID.slice with underscores instead of dashes.
var podUID = regexp.MustCompile(`^(?:kubepods(?:-[a-z]+)?-)?pod([0-9a-f]{8}[-_][0-9a-f_-]+|[0-9a-f]{32})(?:\.slice)?$`)

// unitSuffixes are the unit types that own processes (systemd.unit(5)).
var unitSuffixes = []string{".service", ".scope", ".socket", ".mount", ".swap"}

// Place sets unit and container from the control group path. For nested
// containers it takes the innermost.
func Place(p *model.Process) {
	parts := strings.Split(p.Cgroup, "/")
	for i := len(parts) - 1; i >= 0; i-- {
		part := parts[i]
		if p.Container == nil {
			p.Container = containerOf(parts, i)
		}
		for _, suffix := range unitSuffixes {
			if p.Unit == "" && strings.HasSuffix(part, suffix) && len(part) > len(suffix) {
				p.Unit = part
			}
		}
	}
}

// containerOf returns the container that one part of a path belongs to; nil if none.
func containerOf(parts []string, i int) *model.Container {
	if m := containerID.FindStringSubmatch(parts[i]); m != nil {
		if strings.HasSuffix(m[1], "conmon") {
			return nil // the container's monitor, which is outside of it
		}
		return &model.Container{ID: m[2]}
	}
	for _, n := range containerNames {
		name, ok := strings.CutPrefix(parts[i], n.before)
		if name, ok2 := strings.CutSuffix(name, n.after); ok && ok2 && name != "" {
			if n.after != "" && !slices.Contains(parts[i:], "payload") {
				return nil // likewise
			}
			return &model.Container{ID: name, Name: name}
		}
	}
	return nil
}

// PodOf returns the uid of the Kubernetes pod that a control group belongs to; "" if none.
func PodOf(cgroup string) string {
	for part := range strings.SplitSeq(cgroup, "/") {
		if m := podUID.FindStringSubmatch(part); m != nil {
			return strings.ReplaceAll(m[1], "_", "-")
		}
	}
	return ""
}
