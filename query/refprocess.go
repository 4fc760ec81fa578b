package query

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/ipctop/ipctop/model"
)

// byNumber finds the process with the pid, or the process of the thread with the id. An
// inode number does not name the object: otherwise, in a script, the pid of a process
// that has just ended could mean something else. The error message mentions the object.
func (f finder) byNumber(n uint64) ([]Match, string) {
	if m := f.processes(func(p *model.Process) bool { return isPID(p.PID, n) }); m != nil {
		return m, ""
	}
	thread := func(t model.Thread) bool { return isPID(t.TID, n) }
	if m := f.processes(func(p *model.Process) bool { return slices.ContainsFunc(p.ThreadList, thread) }); m != nil {
		return m, ""
	}
	reason := fmt.Sprintf("there is no process %d", n)
	var others []string
	for _, m := range f.objects(func(o *model.Object) bool { return hasNumber(o, n) }) {
		others = append(others, m.ID())
	}
	for _, m := range f.processes(func(p *model.Process) bool { return p.Container != nil && innerPID(p, n) }) {
		others = append(others, fmt.Sprintf("%d@%s (process %s)", n, containerName(m.Process.Container), f.s.PIDRef(m.Process.PID)))
	}
	if len(others) > 0 {
		reason += "; the number is that of " + strings.Join(others[:min(len(others), maxNear)], ", ")
	}
	return nil, reason
}

// byName finds processes by command name or label, then objects by name, then
// processes by unit, container or program.
func (f finder) byName(name string) []Match {
	comm := name[:min(len(name), maxComm)]
	readings := []func() []Match{
		func() []Match {
			return f.processes(func(p *model.Process) bool { return isNamed(p, name) })
		},
		func() []Match {
			return withoutAccepted(f.objects(func(o *model.Object) bool { return hasName(o, name) }))
		},
		func() []Match { return f.processes(func(p *model.Process) bool { return p.Unit == name }) },
		func() []Match {
			return f.processes(func(p *model.Process) bool { return isContainerName(p.Container, name) })
		},
		func() []Match {
			return f.processes(func(p *model.Process) bool {
				return path.Base(p.Exe) == name || len(p.Cmdline) > 0 && path.Base(p.Cmdline[0]) == name
			})
		},
		func() []Match {
			return withoutAccepted(f.objects(func(o *model.Object) bool { return hasBaseName(o, name) }))
		},
		// The kernel truncates command names; a user may type the whole name.
		func() []Match {
			return f.processes(func(p *model.Process) bool { return len(name) > maxComm && p.Comm == comm })
		},
	}
	for _, read := range readings {
		if m := read(); m != nil {
			return m
		}
	}
	return nil
}

// maxComm is the length of a command name (TASK_COMM_LEN without the NUL).
const maxComm = 15

// inContainer finds a process of a container by its inner pid or its name.
func (f finder) inContainer(what, container string) ([]Match, string, error) {
	known := map[string]bool{}
	within := func(p *model.Process) bool {
		if !isContainer(p.Container, container) {
			return false
		}
		known[p.Container.ID] = true
		return true
	}
	n, isNumber := parseNumber(what)
	// If pid namespaces are nested, the innermost one is the container's own.
	for _, fits := range []func(*model.Process) bool{
		func(p *model.Process) bool { return isNumber && innermostPID(p) == n },
		func(p *model.Process) bool { return isNumber && innerPID(p, n) },
		func(p *model.Process) bool { return isNamed(p, what) },
		func(p *model.Process) bool { return path.Base(p.Exe) == what },
	} {
		if m := f.processes(func(p *model.Process) bool { return within(p) && fits(p) }); m != nil {
			return m, "", nil
		}
	}
	if len(known) == 0 {
		return nil, fmt.Sprintf("no visible process or object is called %s, and no container %s", Quote(what+"@"+container), Quote(container)), nil
	}
	return nil, fmt.Sprintf("no process %s was seen in container %s", Quote(what), Quote(container)), nil
}

func innermostPID(p *model.Process) uint64 {
	if n := len(p.NSPIDs); n > 0 {
		return uint64(p.NSPIDs[n-1])
	}
	_, number := model.HostOfPID(p.PID)
	return uint64(number) // the container shares the pid namespace
}

func innerPID(p *model.Process, n uint64) bool {
	return slices.ContainsFunc(p.NSPIDs, func(pid int) bool { return uint64(pid) == n })
}

// isContainer reports whether ref names the container: its name, its pod, or the
// beginning of its id.
func isContainer(c *model.Container, ref string) bool {
	return c != nil && ref != "" && (c.Name == ref || c.Pod == ref || strings.HasPrefix(c.ID, ref))
}

// isContainerName is isContainer for a reference without an @ that would say that a
// container is meant: the id must be at least as long as container tools show it.
func isContainerName(c *model.Container, ref string) bool {
	return isContainer(c, ref) && (c.Name == ref || c.Pod == ref || len(ref) >= shortID)
}

// containerName returns a short reference to a container.
func containerName(c *model.Container) string {
	if c.Name != "" {
		return c.Name
	}
	return c.ID[:min(len(c.ID), shortID)]
}

// shortID is how many characters of a container's id container tools show.
const shortID = 12

// byProcPath reads /proc/PID/fd/N and other paths below /proc/PID.
func (f finder) byProcPath(ref string) ([]Match, string, error) {
	below, ok := strings.CutPrefix(path.Clean(ref), "/proc/")
	if !ok {
		return f.byPath(ref), "no visible process or object has the path " + Quote(ref), nil
	}
	parts := strings.Split(below, "/")
	pid, ok := parseNumber(parts[0])
	if !ok {
		if parts[0] == "self" || parts[0] == "thread-self" {
			return nil, "", &SyntaxError{ref, "/proc/" + parts[0] + " is ipctop itself; write the pid instead"}
		}
		return f.byPath(ref), "no visible process or object has the path " + Quote(ref), nil
	}
	matches := f.processes(func(p *model.Process) bool { return isPID(p.PID, pid) })
	if matches == nil {
		return nil, fmt.Sprintf("there is no process %d", pid), nil
	}
	tid := uint64(0)
	if len(parts) >= 3 && parts[1] == "task" {
		if tid, ok = parseNumber(parts[2]); !ok {
			return nil, "", &SyntaxError{ref, Quote(parts[2]) + " is no thread id"}
		}
		parts = parts[2:]
	}
	if len(parts) < 3 || parts[1] != "fd" && parts[1] != "fdinfo" {
		return matches, "", nil
	}
	fd, ok := parseNumber(parts[2])
	if !ok {
		return nil, "", &SyntaxError{ref, Quote(parts[2]) + " is no descriptor number"}
	}
	holds := func(h model.Holder) bool {
		n, known := h.FD.Get()
		return h.Via == model.ViaFD && isPID(int(h.PID), pid) && known && uint64(n) == fd &&
			(tid == 0 || h.TID == 0 || isPID(int(h.TID), tid))
	}
	objects := f.objects(func(o *model.Object) bool { return slices.ContainsFunc(o.Holders, holds) })
	p := matches[0].Process
	return objects, fmt.Sprintf("descriptor %d of %s is not open, could not be read, or leads to nothing that processes communicate through",
		fd, model.Named(Quote(p.Name()), p.PID)), nil
}

// holderNames names the processes that hold an object, of many only a few.
func holderNames(s *model.Snapshot, o *model.Object) []string {
	var list []string
	last := int32(0)
	for i := range o.Holders {
		h := &o.Holders[i]
		if h.PID == 0 || h.PID == last {
			continue
		}
		last = h.PID
		if len(list) == maxNear {
			return append(list, "…")
		}
		name := model.Named(h.Comm, int(h.PID))
		if p := s.Process(int(h.PID)); p != nil {
			name = p.String()
		}
		list = append(list, name)
	}
	return list
}
