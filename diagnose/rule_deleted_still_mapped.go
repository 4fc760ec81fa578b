package diagnose

import (
	"fmt"
	"strings"

	"github.com/ipctop/ipctop/diagnose/graph"
	"github.com/ipctop/ipctop/model"
)

var deletedStillMappedRule = Rule{
	ID:       "deleted-still-mapped",
	Short:    "stale mapping",
	Title:    "stale mapping: shared memory was recreated",
	Severity: model.Warning,
	Means: "Shared memory or a shared file was removed and made again under the same name. Some processes still use the old one, which has no name " +
		"any more; anyone who opens the name gets the new one. The two groups believe that they share memory, and do not.",
	Evidence: "An object whose name was removed and which a process holds, and another object, with another inode, of the same name.",
	Do:       "Restart the processes that have the old one. Its memory is given back when the last of them ends.",
	FalseAlarm: "Programs that are replaced one after the other have both for a while, on purpose. Memory whose name was removed while in use and not given to " +
		"another is not reported: that is how programs make sure that nothing is left behind.",
	find: findDeletedStillMapped,
}

func findDeletedStillMapped(v *view) []finding {
	type place struct {
		kind model.Kind
		dev  string
		path string
	}
	removed := v.graph.Marked(graph.Removed)
	if len(removed) == 0 {
		return nil
	}
	current := map[place]*model.Object{}
	for _, kind := range []model.Kind{model.PosixShm, model.PosixSem, model.File} {
		for _, o := range v.graph.OfKind(kind) {
			if !o.Deleted && o.Path != "" {
				current[place{o.Kind, o.Dev, o.Path}] = o
			}
		}
	}
	var list []finding
	for _, o := range removed {
		successor := current[place{o.Kind, o.Dev, strings.TrimSuffix(o.Path, " (deleted)")}]
		if successor == nil {
			continue
		}
		old, young := holders(o, nil), holders(successor, nil)
		list = append(list, finding{Finding: model.Finding{
			Confidence: model.Certain, Objects: []string{o.ID, successor.ID}, Victims: old, PIDs: young,
			Summary: fmt.Sprintf("%s %s %s, whose name %s was removed; %s has the name now",
				v.names(old), verb(len(old), "uses", "use"), o.ID, o.Path, successor.ID),
			Evidence: []model.Evidence{
				{Source: fmt.Sprintf("/proc/%d", old[0]), Text: o.Path + " (deleted), inode " + o.Ino.String()},
				{Source: successor.Path, Text: "inode " + successor.Ino.String()},
			},
		}})
	}
	return list
}

// names lists processes in a sentence, of many only the first few.
func (v *view) names(pids []int) string {
	var parts []string
	for _, pid := range pids[:min(len(pids), 3)] {
		parts = append(parts, v.name(pid))
	}
	if more := len(pids) - len(parts); more > 0 {
		parts = append(parts, fmt.Sprintf("%d more", more))
	}
	return strings.Join(parts, ", ")
}
