package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ipctop/ipctop/diagnose/graph"
	"github.com/ipctop/ipctop/model"
)

// stepOf returns a thread of a chain as findings show it.
func (v *view) stepOf(w *model.Wait, c *graph.Clause) model.Step {
	s := model.Step{PID: w.PID, TID: w.TID, Comm: v.graph.Comm(w.PID), Object: w.Object, Relation: v.graph.Wants(w)}
	if c == nil {
		return s
	}
	if s.Object == "" {
		s.Object = c.Object
	}
	var who []string
	for _, pid := range v.graph.Releasers(c, w) {
		who = append(who, v.name(pid))
	}
	if len(who) > 0 {
		s.Relation += "; " + joinNames(who) + " " + c.How
	}
	return s
}

// maxNames is the largest number of names in a sentence.
const maxNames = 4

func joinNames(names []string) string {
	if len(names) > maxNames {
		return strings.Join(names[:maxNames], ", ") + fmt.Sprintf(" or %d more", len(names)-maxNames)
	}
	return strings.Join(names, " or ")
}

// chain returns a chain as findings show it.
func (v *view) chain(c graph.Chain) []model.Step {
	var list []model.Step
	for i := range c.Steps {
		list = append(list, v.stepOf(c.Steps[i].Wait, c.Steps[i].Clause))
	}
	return list
}

// rootOf returns the root cause at the end of a chain; nil if that is not a process.
func (v *view) rootOf(e *graph.End) *model.Root {
	if e.Process == nil {
		return nil
	}
	return &model.Root{PID: e.Process.PID, TID: e.TID, Comm: e.Process.Name(), Doing: e.Doing}
}

// since returns when the first of the waits began.
func (v *view) since(waits ...*model.Wait) time.Time {
	var times []time.Time
	for _, w := range waits {
		times = append(times, v.began(w))
	}
	return earliest(times...)
}

// evidence says where the waits were read.
func (v *view) evidence(waits ...*model.Wait) []model.Evidence {
	var list []model.Evidence
	for _, w := range waits {
		list = append(list, v.graph.Evidence(w))
	}
	return list
}

// objectsOf returns the objects of waits, each once.
func objectsOf(waits ...*model.Wait) []string {
	var list []string
	for _, w := range waits {
		ids := w.Objects
		if w.Object != "" {
			ids = []string{w.Object}
		}
		for _, id := range ids {
			if !slices.Contains(list, id) {
				list = append(list, id)
			}
		}
	}
	return list
}

func pidsOf(waits ...*model.Wait) []int {
	var pids []int
	for _, w := range waits {
		pids = append(pids, w.PID)
	}
	return set(pids)
}

// subject names processes as the subject of a sentence: "a(1)", "a(1) and b(2)", "5 processes".
func (v *view) subject(pids []int) string {
	switch len(pids) {
	case 0:
		return "nobody"
	case 1:
		return v.name(pids[0])
	case 2:
		return v.name(pids[0]) + " and " + v.name(pids[1])
	}
	return fmt.Sprintf("%d processes", len(pids))
}

// verb agrees with a number of subjects.
func verb(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// blocked returns the confirmed waits for an object that are old enough and that fit.
func (v *view) blocked(id string, fits func(*model.Wait) bool) []*model.Wait {
	var list []*model.Wait
	for _, w := range v.waitsOn[id] {
		if v.aged(w) && (fits == nil || fits(w)) {
			list = append(list, w)
		}
	}
	return list
}

// free returns the actions that end waits whose chain ends at a process: if it is
// stopped or traced, to resume it comes before to end it.
func (v *view) free(e *graph.End, waits []*model.Wait) []model.Action {
	if e.Process == nil {
		return nil
	}
	pid := e.Process.PID
	var list []model.Action
	switch e.Kind {
	case graph.Stopped:
		list = v.resumeOne(pid, waits)
		if r := v.graph.Without(pid).Released(waits); stoppedByTTY(e.Process) && len(r.Waits) > 0 {
			list = append(list, v.endAtOnce(pid, v.releases(&r, "its")))
		}
	case graph.Traced:
		if t := e.Process.Tracer; t != 0 {
			r := v.graph.Resumed(pid).Released(waits)
			if len(r.Waits) > 0 {
				list = append(list, v.endNamed([]int{t}, "the tracer "+v.name(t), ", so that "+v.name(pid)+" goes on"+v.releases(&r, "its")))
			}
		}
	}
	return list
}
