package diagnose

import (
	"fmt"
	"time"

	"github.com/ipctop/ipctop/model"
)

// findOrphans finds the named objects of a kind that nobody holds. The kernel does not
// record who made them. facts returns an object's size and time of modification, and
// whether it must not be reported.
func (v *view) findOrphans(kind model.Kind, facts func(model.Detail) (size model.Opt[int64], modified time.Time, spare bool),
	remove func(*model.Object) []model.Action,
) []finding {
	var list []finding
	for _, o := range v.graph.OfKind(kind) {
		if o.Deleted || len(o.Holders) > 0 || len(v.waitsOn[o.ID]) > 0 || sharedByCommands(o) {
			continue
		}
		size, modified, spare := facts(o.Detail)
		if spare || !modified.IsZero() && v.Taken.Sub(modified) < v.MinAge {
			continue // somebody may be about to open it
		}
		confidence, lowered := v.absence(o)
		if confidence == model.Certain {
			confidence = model.Likely
		}
		f := finding{Finding: model.Finding{
			Confidence: confidence, Since: modified, Objects: []string{o.ID},
			LoweredBy: append(lowered, "the kernel does not record who made it: a program may open it again by its name"),
			Summary:   fmt.Sprintf("%s%s: no process has it open or mapped", v.called(o), ofSize(size)),
			Evidence:  []model.Evidence{{Source: "/proc/PID/fd, /proc/PID/maps", Text: "no descriptor and no mapping of it in any process that could be read"}},
			Actions:   remove(o),
		}}
		if confidence == model.Possible {
			f.Summary = fmt.Sprintf("%s%s: no visible process has it open or mapped", v.called(o), ofSize(size))
		}
		list = append(list, f)
	}
	return list
}

// called returns an object's name for a sentence: its name and its id.
func (v *view) called(o *model.Object) string {
	if o.Name != "" && o.Name != o.ID {
		return o.Name + " (" + o.ID + ")"
	}
	return o.ID
}
