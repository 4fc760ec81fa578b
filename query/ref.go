package query

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ipctop/ipctop/model"
)

// Match is what a reference names: a process or an object.
type Match struct {
	Process *model.Process // nil: it is an object
	Object  *model.Object
}

// ID returns a reference that names only this match.
func (m Match) ID() string {
	if m.Process != nil {
		id := processPrefix + model.PIDNumber(m.Process.PID)
		if host := m.Process.Host; host != "" {
			id += "@" + host
		}
		return id
	}
	return m.Object.ID
}

const processPrefix = "process:"

// One finds the one thing that ref names. The error is a [*SyntaxError], a
// [*NotFoundError] or an [*AmbiguousError].
func One(s *model.Snapshot, ref string) (Match, error) {
	matches, err := Find(s, ref)
	switch {
	case err != nil:
		return Match{}, err
	case len(matches) > 1:
		return Match{}, &AmbiguousError{Ref: ref, Matches: matches, snapshot: s}
	}
	return matches[0], nil
}

// Find finds what ref, as a user types it, names in a snapshot. If a reference has
// several readings, the first one that names something counts: a number is a pid before
// it is an inode, a port is that of a listener before it is that of a connection.
// Everything that this reading names is returned; without an error that is at least one
// match.
//
// The forms: a pid, a process's name, an id, "pipe:[4242]", "/proc/4121/fd/3",
// a path, "/jobs", "@abstract", ":5432", "127.0.0.1:5432", "0x4d2", and
// "7@CONTAINER" or "NAME@CONTAINER".
func Find(s *model.Snapshot, ref string) ([]Match, error) {
	f := finder{s}
	if ref == "" {
		return nil, &SyntaxError{Ref: ref, Reason: "it is empty"}
	}
	matches, reason, err := f.find(ref)
	switch {
	case err != nil:
		return nil, err
	case len(matches) == 0:
		return nil, &NotFoundError{Ref: ref, Reason: reason, Near: f.near(ref), Unseen: f.unseen()}
	}
	return matches, nil
}

// finder looks things up in one snapshot.
type finder struct{ s *model.Snapshot }

// find tries the readings of ref. With no match, reason is a sentence that says
// what was looked for.
func (f finder) find(ref string) (matches []Match, reason string, err error) {
	if matches, reason, err, ok := f.onHost(ref); ok {
		return matches, reason, err
	}
	if strings.HasPrefix(ref, "/proc/") {
		matches, reason, err = f.byProcPath(ref)
		return matches, reason, err
	}
	if matches = f.byID(ref); matches != nil {
		return matches, "", nil
	}
	switch number, isNumber := parseNumber(ref); {
	case isNumber:
		matches, reason = f.byNumber(number)
	case strings.HasPrefix(ref, "/"):
		return f.byPath(ref), "no visible process or object has the path or name " + Quote(ref) + f.relative(ref), nil
	case strings.HasPrefix(ref, "@"):
		matches, reason = f.byAbstract(ref[1:]), "no UNIX socket has the abstract name "+Quote(ref)
	case strings.HasPrefix(ref, "0x"), strings.HasPrefix(ref, "0X"):
		matches, reason = f.byKey(ref)
	case strings.Contains(ref, ":["):
		matches, reason, err = f.byLink(ref)
	case strings.Contains(ref, ":"):
		matches, reason = f.byColon(ref)
	}
	if matches != nil || err != nil {
		return matches, "", err
	}
	if matches = f.byName(ref); matches != nil {
		return matches, "", nil
	}
	if i := strings.LastIndexByte(ref, '@'); i > 0 {
		return f.inContainer(ref[:i], ref[i+1:])
	}
	if reason == "" {
		reason = "no process or object that was seen is called " + Quote(ref)
	}
	return nil, reason, nil
}

// unseen says how much of the machine could not be read.
func (f finder) unseen() string {
	if f.s.Scan.ProcessesUnreadable == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %d processes could not be read: see ipctop doctor", f.s.Scan.ProcessesUnreadable, f.s.Scan.Processes)
}

// byID finds the object or process with the id.
func (f finder) byID(id string) []Match {
	if pid, ok := strings.CutPrefix(id, processPrefix); ok {
		if n, ok := parseNumber(pid); ok {
			return f.processes(func(p *model.Process) bool { return isPID(p.PID, n) })
		}
		return nil
	}
	if !strings.Contains(id, ":") {
		return nil
	}
	if m := f.objects(func(o *model.Object) bool { return o.ID == id || o.Host != "" && o.ID == id+"@"+o.Host }); m != nil {
		return m
	}
	// Ids leave out ipctop's own namespace. An id copied from an ipctop that ran elsewhere has it.
	base, suffix, ok := cutLast(id, '@')
	ns, isNumber := parseNumber(suffix)
	if !ok || !isNumber {
		return nil
	}
	return f.objects(func(o *model.Object) bool {
		return o.ID == base && o.Namespace != nil && o.Namespace.Inode == ns
	})
}

// byColon reads KIND:REST, then ADDRESS:PORT.
func (f finder) byColon(ref string) ([]Match, string) {
	head, rest, _ := strings.Cut(ref, ":")
	if head == strings.TrimSuffix(processPrefix, ":") {
		return nil, "there is no process " + Quote(rest)
	}
	if k := model.Kind(head); f.isKind(k) {
		return f.ofKind(k, rest), f.noneOfKind(k, rest)
	}
	if host, port, ok := splitEndpoint(ref); ok {
		return f.byEndpoint(host, port), "no socket that was seen has the address " + Quote(ref)
	}
	return nil, ""
}

// objects lists the objects that fit.
func (f finder) objects(fits func(*model.Object) bool) []Match {
	var list []Match
	for i := range f.s.Objects {
		if o := f.s.Objects[i]; fits(o) {
			list = append(list, Match{Object: o})
		}
	}
	return list
}

// processes lists the processes that fit, without ipctop itself if there are
// others.
func (f finder) processes(fits func(*model.Process) bool) []Match {
	var list, self []Match
	for i := range f.s.Processes {
		switch p := f.s.Processes[i]; {
		case !fits(p):
		case p.Self:
			self = append(self, Match{Process: p})
		default:
			list = append(list, Match{Process: p})
		}
	}
	if list == nil {
		return self
	}
	return list
}

// parseNumber parses a number that consists only of decimal digits.
func parseNumber(s string) (uint64, bool) {
	if s == "" || s[0] < '0' || s[0] > '9' {
		return 0, false
	}
	n, err := strconv.ParseUint(s, 10, 64)
	return n, err == nil
}

func cutLast(s string, sep byte) (before, after string, found bool) {
	if i := strings.LastIndexByte(s, sep); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}
