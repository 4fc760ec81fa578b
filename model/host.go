package model

import (
	"strconv"
	"strings"
	"time"
)

// A snapshot of several hosts is made of one of each (package fleet). What belongs to a
// host names it: a process in its label, name@host, an object in its id, pipe:4242@host.
// Pids and inode numbers of namespaces would mean different things on different hosts, so
// there each is a number of its own: the place of its host, from 1, and the number that it
// has there, apart in decimal.
const (
	// HostPIDs is the distance between the pids of one host and those of the next: 20000812
	// is pid 812 of the second. Linux has none above 4194304 (PID_MAX_LIMIT).
	HostPIDs = 10_000_000

	// HostNamespaces is the distance between inode numbers of namespaces, which are of 32 bits.
	HostNamespaces = 10_000_000_000

	// MaxHosts is how many hosts a snapshot can be of: pids of holders have 31 bits.
	MaxHosts = 200
)

// HostOfPID takes a pid of a snapshot apart: the place of its host in [Snapshot].Hosts,
// from 1, and its pid there. The place is 0 where the snapshot is of one machine.
func HostOfPID(pid int) (place, number int) {
	if pid < HostPIDs {
		return 0, pid
	}
	return pid / HostPIDs, pid % HostPIDs
}

// PIDNumber is a pid as its own host knows it, in decimal.
func PIDNumber(pid int) string {
	_, n := HostOfPID(pid)
	return strconv.Itoa(n)
}

// PIDRef is a pid as users type it: 812, or 812@db1 where there are several hosts.
func (s *Snapshot) PIDRef(pid int) string {
	if host := s.HostName(pid); host != "" {
		return PIDNumber(pid) + "@" + host
	}
	return PIDNumber(pid)
}

// HostName is the name of the host that a pid belongs to; "" where the snapshot is of one
// machine. It is safe to print: a name that no ipctop writes, as a stranger's file may have
// it, is the host's place instead.
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

// CleanHost makes of a name one that can be part of an id and of a reference: letters,
// digits and -._ stay, whatever else is there becomes _.
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
	PIDBase int       `json:"pid_base" doc:"what its pids and thread ids have been raised by in this document"`
	Clock   *Clock    `json:"clock,omitzero" doc:"how far its clock is ahead of the first host's; missing of the first, and where nothing tells it"`
}

// Clock says how far the clock of a host is ahead of another's, as far as connections
// between them tell: what one end has sent last, the other received last, and later.
type Clock struct {
	Against     string     `json:"against" doc:"the host whose clock it is compared with"`
	AheadMin    Opt[int64] `json:"ahead_min_ns,omitzero" unit:"ns" doc:"it is ahead by this much at the least; negative: behind; missing: no bound is known"`
	AheadMax    Opt[int64] `json:"ahead_max_ns,omitzero" unit:"ns" doc:"it is ahead by this much at the most; missing: no bound is known"`
	Connections int        `json:"connections" doc:"how many connections tell it"`
}

// NamespaceNumber is the inode number of a namespace as its own host knows it.
func NamespaceNumber(inode uint64) uint64 { return inode % HostNamespaces }

// OwnNamespace reports whether a namespace is one that ipctop itself ran in, on the host
// that it is of.
func (s *Snapshot) OwnNamespace(kind string, inode uint64) bool {
	h := &s.Host
	if place := inode / HostNamespaces; place > 0 && place <= uint64(len(s.Hosts)) {
		h = &s.Hosts[place-1].Host
	}
	return inode == h.Namespaces[kind]
}
