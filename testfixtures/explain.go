package testfixtures

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// explanation is what a fixture says to people who learn from it. {1}, {2}, … are
// the processes of its [Instance] in their order, {object} is its id in a dump, {id}
// the number at the end of that, {path} its path.
type explanation struct {
	picture string
	calls   []string
	proc    []procFile
	next    []string // nil: what follows from what it is
}

// procFile is a file or link below /proc that shows the fixture, and a part of what
// can be read there; "" where that cannot be told beforehand.
type procFile struct{ path, shows string }

// Explanation is what an instance is, with its own processes and objects.
type Explanation struct {
	Picture string     // who does what to whom, in a line
	Calls   []string   // the system calls that made it so
	Proc    []ProcFile // where the kernel shows it
	Next    []string   // commands to look at it with
}

// ProcFile is a file or a link below /proc, and a part of its text or target in
// which runs of white space count as one space; "" where any will do.
type ProcFile struct{ Path, Shows string }

// Explain says what was made. The processes of the instance must exist.
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

// Makes is what the fixture makes, in a few words.
func (inst *Instance) Makes() string {
	found, err := find([]string{inst.Fixture})
	if err != nil {
		return ""
	}
	return found[0].Makes
}

// next is what to look at an instance with that has no better idea: why a process
// is stuck, where its rule has a victim, or the object.
func (inst *Instance) next() []string {
	if d := inst.Diagnosis; d != nil && len(d.Victims) > 0 {
		return []string{fmt.Sprintf("ipctop why %d", d.Victims[0]), "ipctop check"}
	}
	return []string{"ipctop show {object}"}
}

// words replaces the words in braces; process says how a process is called.
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
