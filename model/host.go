package model

import (
	"strconv"
	"strings"
	"time"
)

// Package fleet makes a snapshot of several hosts from one snapshot of each. Everything
// that belongs to a host contains its name: a process in its label, name@host, an object
// in its id, pipe:4242@host. Pids and inode numbers of namespaces are not unique across
// hosts. So a pid or inode number there consists of the index of its host, from 1, and
// the number on that host, which are easy to tell apart in decimal.
const (
	// HostPIDs is the distance between the pids of one host and those of the next: 20000812
	// is pid 812 of the second host. Linux has no pid above 4194304 (PID_MAX_LIMIT).
	HostPIDs = 10_000_000

	// HostNamespaces is the same distance for inode numbers of namespaces, which have 32 bits.
	HostNamespaces = 10_000_000_000

	// MaxHosts is the largest number of hosts in a snapshot: pids of holders have 31 bits.
	MaxHosts = 200
)

// HostOfPID splits a pid of a snapshot into the place of its host in [Snapshot].Hosts,
// from 1, and its pid there. The place is 0 if the snapshot is of one machine.
func HostOfPID(pid int) (place, number int) {
	if pid < HostPIDs {
		return 0, pid
	}
	return pid / HostPIDs, pid % HostPIDs
}

// PIDNumber returns the pid that a process has on its own host, in decimal.
func PIDNumber(pid int) string {
	_, n := HostOfPID(pid)
	return strconv.Itoa(n)
}

// PIDRef returns a pid as users type it: 812, or 812@db1 if there are several hosts.
func (s *Snapshot) PIDRef(pid int) string {
	if host := s.HostName(pid); host != "" {
		return PIDNumber(pid) + "@" + host
	}
	return PIDNumber(pid)
}

// HostName returns the name of the host to which a pid belongs; "" if the snapshot is of
// one machine. It is safe to print: if a file from an untrusted source has a name that
// ipctop would never write, the host's place is returned instead.
func (s *Snapshot) HostName(pid int) string {
	place, _ := HostOfPID(pid)
	if place == 0 || place > len(s.Hosts) {
		return ""
	}
	if name := s.Hosts[place-1].Name; name != "" && CleanHost(name) == name {
		return name
	}
	return "host-" + strconv.Itoa(place)
}

// CleanHost makes a name usable as part of an id and of a reference: letters, digits and
// -._ stay, every other character becomes _.
func CleanHost(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r == '.' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_'
	}, name)
}

// nameAtHost writes name@host with the pid before the host: name(pid)@host.
func nameAtHost(name string, pid int) string {
	at := strings.LastIndexByte(name, '@')
	if at < 0 {
		at = len(name)
	}
	return name[:at] + "(" + PIDNumber(pid) + ")" + name[at:]
}

// HostSnapshot is one of the hosts of a snapshot of several.
type HostSnapshot struct {
	Name    string    `json:"name" doc:"what it is called in this document: its hostname, or one made of the file's name where several have the same"`
	Host    Host      `json:"host" doc:"the machine"`
	Taken   time.Time `json:"taken" doc:"when its scan began, by its own clock"`
	Scan    Scan      `json:"scan" doc:"how its scan went"`
	PIDBase int       `json:"pid_base" doc:"offset that was added to its pids and thread ids in this document"`
	Clock   *Clock    `json:"clock,omitzero" doc:"how far its clock is ahead of the first host's; missing for the first host and if it is unknown"`
}

// Clock says how far the clock of a host is ahead of another's. The bounds follow from the
// connections between them: the data that one end sent last, the other end received last,
// and later.
type Clock struct {
	Against     string     `json:"against" doc:"the host whose clock it is compared with"`
	AheadMin    Opt[int64] `json:"ahead_min_ns,omitzero" unit:"ns" doc:"lower bound of how far it is ahead; negative: behind; missing: unknown"`
	AheadMax    Opt[int64] `json:"ahead_max_ns,omitzero" unit:"ns" doc:"upper bound of how far it is ahead; missing: unknown"`
	Connections int        `json:"connections" doc:"number of connections that it was derived from"`
}

// NamespaceNumber returns the inode number that a namespace has on its own host.
func NamespaceNumber(inode uint64) uint64 { return inode % HostNamespaces }

// OwnNamespace reports whether ipctop itself ran in a namespace, on the namespace's host.
func (s *Snapshot) OwnNamespace(kind string, inode uint64) bool {
	h := &s.Host
	if place := inode / HostNamespaces; place > 0 && place <= uint64(len(s.Hosts)) {
		h = &s.Hosts[place-1].Host
	}
	return inode == h.Namespaces[kind]
}
