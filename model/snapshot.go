package model

import (
	"cmp"
	"slices"
	"time"
)

// Schema is the version of the JSON contract. A breaking change raises the
// number; a reader refuses a number higher than its own.
const Schema = "ipctop/1"

// Snapshot is everything ipctop knows about a machine at one time: the
// document that `ipctop dump --json` prints.
//
// Once a snapshot is made, its processes, objects and links, and everything they point
// to, must not change. Snapshots of one scanner share equal records: a record at the
// same address in two snapshots is the same in both, so a result that was computed only
// from this record is still valid. A record that has changed is a new record.
type Snapshot struct {
	// ShowOwn says that ipctop's own processes, and the objects that only they hold, are
	// shown and compared like others.
	ShowOwn bool `json:"-"`

	Schema string    `json:"schema" doc:"the version of this document's shape"`
	Taken  time.Time `json:"taken" doc:"when the scan began"`
	Host   Host      `json:"host" doc:"the machine looked at"`
	Scan   Scan      `json:"scan" doc:"how the scan went"`

	// FromFile says that it was read from a dump or a recording. Then its findings, and the
	// commands in them, come from the file and may be from an untrusted source.
	FromFile bool `json:"from_file,omitzero" doc:"it was read from a dump or recording: findings and their actions come from that file and are unchecked"`

	Hosts []HostSnapshot `json:"hosts,omitzero" doc:"the hosts, if there are several (--from given more than once); missing: one machine"`

	Gaps      []Gap      `json:"gaps" doc:"what could not be read, and why"`
	Limits    []Limit    `json:"limits,omitzero" doc:"kernel limits and how much of each is used; missing if they were not read"`
	Processes []*Process `json:"processes" doc:"the processes, by pid"`
	Objects   []*Object  `json:"objects" doc:"the IPC objects, by kind and id"`
	Links     []*Link    `json:"links" doc:"the channels between processes, one per channel"`
	Waits     []Wait     `json:"waits,omitzero" doc:"blocked threads; missing if they were not examined"`
	Traffic   []Traffic  `json:"traffic,omitzero" doc:"traffic of the objects (--rates), the busiest first; missing if it was not measured"`
	Findings  []Finding  `json:"findings,omitzero" doc:"diagnoses; missing if none were made"`
}

// Process returns the process with a pid; nil if there is none. The processes must be
// sorted by pid.
func (s *Snapshot) Process(pid int) *Process {
	i, ok := slices.BinarySearchFunc(s.Processes, pid, func(p *Process, pid int) int { return cmp.Compare(p.PID, pid) })
	if !ok {
		return nil
	}
	return s.Processes[i]
}

// Host names the machine and the namespaces ipctop itself runs in.
type Host struct {
	Hostname   string            `json:"hostname,omitzero" doc:"the node name (uname)"`
	BootID     string            `json:"boot_id,omitzero" doc:"/proc/sys/kernel/random/boot_id: changes at every boot"`
	Kernel     string            `json:"kernel,omitzero" doc:"the kernel's release (uname)"`
	Arch       string            `json:"arch,omitzero" doc:"the machine's architecture (uname)"`
	Addresses  []string          `json:"addresses,omitzero" doc:"its network addresses in ipctop's network namespace, without the loopback interface"`
	Namespaces map[string]uint64 `json:"namespaces" ref:"ns" doc:"inode numbers of ipctop's own namespaces, by type"`
}

// Scan says how the snapshot was made.
type Scan struct {
	Duration            int64                  `json:"duration_ns" unit:"ns" doc:"wall time of the scan"`
	EUID                int                    `json:"euid" doc:"effective user id of ipctop"`
	Backends            map[string]string      `json:"backends" doc:"which kernel interface each probe used"`
	Probes              map[string]ProbeReport `json:"probes,omitzero" doc:"time taken by each probe"`
	Processes           int                    `json:"processes" doc:"processes seen"`
	ProcessesUnreadable int                    `json:"processes_unreadable" doc:"processes whose descriptors could not be read"`
	PIDNamespaceForeign bool                   `json:"pid_namespace_foreign,omitzero" doc:"the proc file system belongs to another pid namespace: calls that take a pid were skipped"`
	Rates               *RatesReport           `json:"rates,omitzero" doc:"how traffic was measured; missing if it was not"`
	Redacted            bool                   `json:"redacted,omitzero" doc:"command lines, paths and names were replaced (--redact)"`
}

// ProbeReport is the report of the scan about one probe.
type ProbeReport struct {
	Duration int64 `json:"duration_ns" unit:"ns" doc:"total time of all workers"`
}

// Own reports whether a process is ipctop's own and must not be shown.
func (s *Snapshot) Own(p *Process) bool { return p.Self && !s.ShowOwn }

// OwnObject reports whether only processes that must not be shown hold an object.
// process finds a process by its pid.
func (s *Snapshot) OwnObject(o *Object, process func(pid int) *Process) bool {
	for i := range o.Holders {
		if p := process(int(o.Holders[i].PID)); p == nil || !s.Own(p) {
			return false
		}
	}
	return len(o.Holders) > 0
}

// Reason says why something could not be read.
type Reason string

// The reasons of a [Gap].
const (
	Denied      Reason = "denied"      // the kernel refused (EACCES, EPERM)
	Vanished    Reason = "vanished"    // it ended while being read (ENOENT, ESRCH)
	Unsupported Reason = "unsupported" // this kernel or this set-up does not provide it
	Malformed   Reason = "malformed"   // the kernel's text did not parse
	Truncated   Reason = "truncated"   // there was more than could be read
	Timeout     Reason = "timeout"     // it took longer than the deadline
	Other       Reason = "other"       // anything else; see detail
)

// Gap is something that could not be read.
type Gap struct {
	Probe  string `json:"probe" doc:"the probe that reported it"`
	Reason Reason `json:"reason" doc:"denied, vanished, unsupported, malformed, truncated, timeout or other"`
	Host   string `json:"host,omitzero" doc:"its host, where there are several"`
	PID    int    `json:"pid,omitzero" ref:"pid" doc:"the process concerned"`
	TID    int    `json:"tid,omitzero" ref:"pid" doc:"the thread concerned"`
	Object string `json:"object,omitzero" ref:"object" doc:"the object concerned"`
	Op     string `json:"op,omitzero" doc:"what was attempted"`
	Path   string `json:"path,omitzero" doc:"the file concerned"`
	Detail string `json:"detail,omitzero" doc:"the error in words"`
	Count  int    `json:"count" doc:"how often"`
}

// OpUnlisted is the [Gap].Op of sockets that no table lists.
const OpUnlisted = "find in a table"

// OpAttribute is the [Gap].Op of attachments to System V segments whose IPC namespace is not
// known.
const OpAttribute = "attribute"

// Inherent reports whether the gap is about something that the kernel shows to nobody, also
// on healthy machines. Such a gap says nothing about how much a scan could read.
func (g *Gap) Inherent() bool { return g.Reason == Unsupported && g.Op == OpUnlisted }

// Limit is a limit of the kernel on a mechanism.
type Limit struct {
	Host      string      `json:"host,omitzero" doc:"its host, where there are several"`
	Name      string      `json:"name" doc:"the limit's name, as in sysctl or getrlimit"`
	Kind      Kind        `json:"kind,omitzero" doc:"the mechanism it bounds"`
	Scope     *LimitScope `json:"scope,omitzero" doc:"whom it applies to; missing: the whole machine"`
	Used      Opt[int64]  `json:"used,omitzero" doc:"how much is used"`
	Max       Opt[int64]  `json:"max,omitzero" doc:"limit"`
	Unlimited bool        `json:"unlimited,omitzero" doc:"there is no limit, or one so large that it has no effect"`
	Estimated bool        `json:"estimated,omitzero" doc:"used was computed, not read"`
	Unit      string      `json:"unit" doc:"what is counted"`
}

// LimitScope says to whom a limit applies.
type LimitScope struct {
	UID Opt[int] `json:"uid,omitzero" doc:"one user"`
	PID int      `json:"pid,omitzero" ref:"pid" doc:"one process"`
	NS  uint64   `json:"ns,omitzero" ref:"ns" doc:"one namespace, by inode number"`
}
