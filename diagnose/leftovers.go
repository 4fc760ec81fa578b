package diagnose

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/ipctop/ipctop/model"
)

// manyLeftovers is the number of objects left behind from which they are reported together.
const manyLeftovers = 10

// leftovers are the rules about objects left behind.
var leftovers = []string{"orphan-sysv-shm", "orphan-sysv-msg", "orphan-sysv-sem", "orphan-posix-shm", "orphan-posix-sem", "orphan-posix-mq", "stale-socket-path"}

// foldLeftovers combines a rule's findings about objects left behind into one if there are many
// of the same user in the same namespace: most likely one program left them all.
func (v *view) foldLeftovers(rule *Rule, found []finding) []finding {
	if !slices.Contains(leftovers, rule.ID) || len(found) < manyLeftovers {
		return found
	}
	type owner struct {
		uid        int
		ns         uint64
		severity   model.Severity
		confidence model.Confidence
	}
	var order []owner
	groups := map[owner][]finding{}
	for _, f := range found {
		w := owner{uid: -1, severity: f.Severity, confidence: f.Confidence}
		if o := v.graph.Object(f.Objects[0]); o != nil {
			w.uid = o.UID.Or(-1)
			if o.Namespace != nil {
				w.ns = o.Namespace.Inode
			}
		}
		if groups[w] == nil {
			order = append(order, w)
		}
		groups[w] = append(groups[w], f)
	}
	var list []finding
	for _, w := range order {
		group := groups[w]
		if len(group) < manyLeftovers {
			list = append(list, group...)
			continue
		}
		all := group[0]
		user := "an unknown user"
		if w.uid >= 0 {
			user = "user " + strconv.Itoa(w.uid)
		}
		all.about = fmt.Sprintf("%d@%d", w.uid, w.ns)
		all.Summary = fmt.Sprintf("%d like this of %s: %s", len(group), user, group[0].Summary)
		for _, f := range group[1:] {
			all.Objects = append(all.Objects, f.Objects...)
			all.PIDs = append(all.PIDs, f.PIDs...)
			all.LoweredBy = append(all.LoweredBy, f.LoweredBy...)
			all.Since = earliest(all.Since, f.Since)
		}
		all.Actions = removeAll(group)
		list = append(list, all)
	}
	return list
}

// removeAll returns the action that removes what all the findings remove; nil if one command cannot do it.
func removeAll(group []finding) []model.Action {
	const fits = 2000 // arguments of a command
	var all model.Action
	objects := 0
	for i, f := range group {
		if len(f.Actions) != 1 || len(all.Argv)+len(f.Actions[0].Argv) > fits {
			return nil
		}
		objects += len(f.Objects)
		argv := f.Actions[0].Argv
		skip := map[string]int{"ipcrm": 1, "rm": 2, mountedApart[0]: len(mountedApart)}[argv[0]] // the words before the arguments: the command, and the -- of rm
		switch {
		case skip == 0 || i > 0 && argv[0] != all.Argv[0]:
			return nil
		case i == 0:
			all = f.Actions[0]
			all.Argv = slices.Clone(argv)
		default:
			all.Argv = append(all.Argv, argv[skip:]...)
		}
	}
	if objects > 1 {
		all.Effect = fmt.Sprintf("removes all %d and what is in them", objects)
	}
	return []model.Action{all}
}
