package diagnose

import (
	"fmt"
	"time"

	"github.com/ipctop/ipctop/model"
)

// findOrphans finds the named objects of a kind that nobody holds. Who made them
// is not recorded. facts tells an object's size and age,
// and whether it is to be spared.
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
			continue // it is about to be opened
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

// called is how sentences name an object: what people call it, and its id.
func (v *view) called(o *model.Object) string {
	if o.Name != "" && o.Name != o.ID {
		return o.Name + " (" + o.ID + ")"
	}
	return o.ID
}
