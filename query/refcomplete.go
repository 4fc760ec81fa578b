package query

import (
	"strings"

	"github.com/ipctop/ipctop/model"
)

// Completion is a reference that a shell may complete, with a description of what it names.
type Completion struct {
	Ref  string
	Help string
}

// Complete lists the references that begin with prefix: ids if it contains a kind and a
// colon, pids if it is empty or a number, else names of processes.
func Complete(s *model.Snapshot, prefix string) []Completion {
	var list []Completion
	if strings.Contains(prefix, ":") {
		for i := range s.Objects {
			if o := s.Objects[i]; strings.HasPrefix(o.ID, prefix) {
				list = append(list, Completion{o.ID, Match{Object: o}.Describe(s)})
			}
		}
		return list
	}
	_, isNumber := parseNumber(prefix)
	for i := range s.Processes {
		p := s.Processes[i]
		if pid := s.PIDRef(p.PID); (prefix == "" || isNumber) && strings.HasPrefix(pid, prefix) && !p.Kernel && !p.Self {
			list = append(list, Completion{pid, Match{Process: p}.Describe(s)})
		}
	}
	return append(list, nameCompletions(s, prefix)...)
}

// nameCompletions lists the names of processes that begin with prefix, each
// once.
func nameCompletions(s *model.Snapshot, prefix string) []Completion {
	if prefix == "" {
		return nil
	}
	var list []Completion
	bearers := map[string]int{}
	for i := range s.Processes {
		if p := s.Processes[i]; !p.Kernel && !p.Self && strings.HasPrefix(p.Name(), prefix) && Quote(p.Name()) == p.Name() {
			bearers[p.Name()]++
		}
	}
	for i := range s.Processes {
		p := s.Processes[i]
		n := bearers[p.Name()]
		if n == 0 || p.Kernel || p.Self {
			continue
		}
		delete(bearers, p.Name())
		help := Match{Process: p}.Describe(s)
		if n > 1 {
			help = count(n, "process", "processes")
		}
		list = append(list, Completion{p.Name(), help})
	}
	return list
}
