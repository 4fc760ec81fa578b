package query

import (
	"strings"

	"github.com/ipctop/ipctop/model"
)

// onHost finds what a reference names on one of several hosts: 31@db1, nginx@db1,
// pipe:[4242]@db1. ok is false if the text after the last @ is not the name of a host.
func (f finder) onHost(ref string) (matches []Match, reason string, err error, ok bool) {
	what, host, found := cutLast(ref, '@')
	if !found || what == "" {
		return nil, "", nil, false
	}
	for i := range f.s.Hosts {
		if f.s.Hosts[i].Name != host {
			continue
		}
		part := *f.s
		part.Hosts = nil
		part.Processes = keep(f.s.Processes, func(p *model.Process) bool { return p.Host == host })
		part.Objects = keep(f.s.Objects, func(o *model.Object) bool { return o.Host == host })
		matches, reason, err = finder{&part}.find(what)
		if matches == nil && err == nil {
			reason = "host " + host + ": " + reason
		}
		return matches, reason, err, true
	}
	return nil, "", nil, false
}

// isPID reports whether n means a pid of the snapshot: as the pid is on its own host, or as
// it is in the document.
func isPID(pid int, n uint64) bool {
	_, number := model.HostOfPID(pid)
	return uint64(number) == n || uint64(pid) == n
}

// isNamed reports whether name is a process's display name or command name; in a snapshot of
// several hosts, the display name counts also without the host.
func isNamed(p *model.Process, name string) bool {
	return p.Name() == name || p.Comm == name || p.Host != "" && strings.TrimSuffix(p.Name(), "@"+p.Host) == name
}
