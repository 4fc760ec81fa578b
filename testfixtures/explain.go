package testfixtures

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// explanation is what a fixture says to learners. {1}, {2}, … stand for the processes of
// its [Instance] in order, {object} for its id in a dump, {id} for the number at the end of
// the id, {path} for its path.
type explanation struct {
	picture string
	calls   []string
	proc    []procFile
	next    []string // nil: derived from the kind of instance
}

// procFile is a file or link below /proc that shows the fixture, and a part of its
// contents; "" if the contents are not known beforehand.
type procFile struct{ path, shows string }

// Explanation describes an instance with its actual processes and objects.
type Explanation struct {
	Picture string     // who does what to whom, in a line
	Calls   []string   // the system calls that made it so
	Proc    []ProcFile // where the kernel shows it
	Next    []string   // commands to examine it with
}

// ProcFile is a file or link below /proc, and a part of its text or target; "" if any will
// do. In the part, runs of white space count as one space.
type ProcFile struct{ Path, Shows string }

// Explain describes an instance. Its processes must exist.
func (inst *Instance) Explain() (*Explanation, error) {
	found, err := find([]string{inst.Fixture})
	if err != nil {
		return nil, err
	}
	names, err := inst.words(func(pid int) (string, error) {
		comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
		return fmt.Sprintf("%s(%d)", strings.TrimSpace(string(comm)), pid), err
	})
	if err != nil {
		return nil, err
	}
	numbers, err := inst.words(func(pid int) (string, error) { return strconv.Itoa(pid), nil })
	if err != nil {
		return nil, err
	}
	is := &found[0].explain
	e := &Explanation{Picture: names.Replace(is.picture)}
	for _, c := range is.calls {
		e.Calls = append(e.Calls, names.Replace(c))
	}
	for _, p := range is.proc {
		e.Proc = append(e.Proc, ProcFile{numbers.Replace(p.path), numbers.Replace(p.shows)})
	}
	next := is.next
	if next == nil {
		next = inst.next()
	}
	about := found[0].Kind()
	if about == RuleKind {
		about = found[0].Rule()
	}
	for _, c := range append(next, "ipctop explain "+about) {
		e.Next = append(e.Next, numbers.Replace(c))
	}
	return e, nil
}

// Makes says in a few words what the fixture makes.
func (inst *Instance) Makes() string {
	found, err := find([]string{inst.Fixture})
	if err != nil {
		return ""
	}
	return found[0].Makes
}

// next are the default commands to examine an instance with: why a process is stuck if its
// rule has a victim, else show the object.
func (inst *Instance) next() []string {
	if d := inst.Diagnosis; d != nil && len(d.Victims) > 0 {
		return []string{fmt.Sprintf("ipctop why %d", d.Victims[0]), "ipctop check"}
	}
	return []string{"ipctop show {object}"}
}

// words replaces the words in braces; process returns the name of a process.
func (inst *Instance) words(process func(pid int) (string, error)) (*strings.Replacer, error) {
	var list []string
	for i, pid := range inst.PIDs {
		name, err := process(pid)
		if err != nil {
			return nil, err
		}
		list = append(list, fmt.Sprintf("{%d}", i+1), name)
	}
	var e struct{ Path string }
	if err := json.Unmarshal(inst.Expect, &e); err != nil {
		return nil, err
	}
	object, _, _ := strings.Cut(inst.Object, "@")
	return strings.NewReplacer(append(list, "{object}", inst.Object, "{id}", object[strings.LastIndexByte(object, ':')+1:], "{path}", e.Path)...), nil
}
