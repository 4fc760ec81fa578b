package render

import (
	"io"
	"slices"
	"strings"
	"time"

	"github.com/ipctop/ipctop/model"
)

// table describes the table of a list of the snapshot.
type table struct {
	check func(*Options) error
	write func(w io.Writer, v *View, s *model.Snapshot) error
	csv   func(w io.Writer, v *View, s *model.Snapshot, kinds []model.Kind) error
	count func(s *model.Snapshot) int
}

// Lists are the names [Options] and --only use, in the order of the document.
var Lists = []string{"gaps", "limits", "processes", "objects", "links", "waits", "traffic", "findings"}

// tables are the lists by the name they have in JSON.
var tables = map[string]table{
	"processes": tableOf(processColumns, func(s *model.Snapshot) []*model.Process { return s.Processes }),
	"links":     tableOf(linkColumns, func(s *model.Snapshot) []*model.Link { return s.Links }),
	"gaps":      tableOf(gapColumns, func(s *model.Snapshot) []*model.Gap { return pointers(s.Gaps) }),
	"limits":    limitTable(),
	"traffic":   tableOf(trafficColumns, func(s *model.Snapshot) []*model.Traffic { return pointers(s.Traffic) }),
	"waits":     tableOf(waitColumns, func(s *model.Snapshot) []*model.Wait { return pointers(s.Waits) }),
	"findings":  tableOf(findingColumns, func(s *model.Snapshot) []*model.Finding { return pointers(s.Findings) }),
	"objects": {
		check: func(o *Options) error { _, err := choose(o, objectColumns{idColumn}, everyColumn()); return err },
		write: func(w io.Writer, v *View, s *model.Snapshot) error { return writeObjects(w, v, s.Objects) },
		csv: func(w io.Writer, v *View, s *model.Snapshot, kinds []model.Kind) error {
			columns, err := csvObjectColumns(v.Options, kinds)
			if err != nil {
				return err
			}
			return writeCSV(w, v, columns, s.Objects)
		},
		count: func(s *model.Snapshot) int { return len(s.Objects) },
	},
}

func tableOf[T any](own []Column[T], list func(*model.Snapshot) []*T) table {
	return table{
		check: func(o *Options) error { _, err := choose(o, own, nil); return err },
		write: func(w io.Writer, v *View, s *model.Snapshot) error {
			columns, err := choose(v.Options, own, nil)
			if err != nil {
				return err
			}
			return writeTable(w, v, columns, list(s))
		},
		csv: func(w io.Writer, v *View, s *model.Snapshot, _ []model.Kind) error {
			columns, err := csvColumns(v.Options, own)
			if err != nil {
				return err
			}
			return writeCSV(w, v, columns, list(s))
		},
		count: func(s *model.Snapshot) int { return len(list(s)) },
	}
}

// pointers returns pointers to the elements of a list.
func pointers[T any](list []T) []*T {
	out := make([]*T, len(list))
	for i := range list {
		out[i] = &list[i]
	}
	return out
}

// pidColumn shows a pid, or nothing if there is none.
func pidColumn[T any](name, doc string, get func(*T) int) Column[T] {
	return Column[T]{
		Name: name, Doc: doc, Right: true,
		Key: func(_ *View, r *T) Key { return IntKey(get(r)) },
		Text: func(v *View, r *T) Cell {
			if pid := get(r); pid != 0 {
				return Cell{Text: v.snap.PIDRef(pid)}
			}
			return Cell{}
		},
	}
}

var linkColumns = []Column[model.Link]{
	narrow(textColumn("OBJECT", "the object the channel runs through", func(l *model.Link) string { return l.Object })),
	narrow(textColumn("KIND", "its mechanism", func(l *model.Link) string { return string(l.Kind) })),
	{
		Name: "PEERS", Doc: "who communicates with whom", Flex: true,
		Text: func(v *View, l *model.Link) Cell {
			arrow := v.glyph.to
			if slices.Equal(l.From, l.To) { // shared by all of them
				return Cell{Text: v.parties(v.ends(l.From, l.FromComm))}
			}
			if l.BothWays {
				arrow = v.glyph.both
			}
			return Cell{Text: v.parties(v.ends(l.From, l.FromComm)) + " " + arrow + " " + v.parties(v.ends(l.To, l.ToComm))}
		},
	},
}

func (v *View) ends(pids []int, comms []string) []party {
	var list []party
	for i, pid := range pids {
		list = v.join(list, party{pid, v.nameOf(pid, at(comms, i)), 1})
	}
	return list
}

var gapColumns = []Column[model.Gap]{
	narrow(textColumn("PROBE", "the probe that met it", func(g *model.Gap) string { return g.Probe })),
	narrow(textColumn("REASON", "why", func(g *model.Gap) string { return string(g.Reason) })),
	pidColumn("PID", "the process concerned", func(g *model.Gap) int { return g.PID }),
	intColumn("COUNT", "how often", func(g *model.Gap) optInt { return model.Some(int64(g.Count)) }),
	textColumn("OBJECT", "the object concerned", func(g *model.Gap) string { return g.Object }),
	textColumn("OP", "what was attempted", func(g *model.Gap) string { return g.Op }),
	textColumn("PATH", "the file concerned", func(g *model.Gap) string { return g.Path }),
	textColumn("DETAIL", "the error in words", func(g *model.Gap) string { return g.Detail }),
}

var waitColumns = []Column[model.Wait]{
	pidColumn("PID", "the process", func(w *model.Wait) int { return w.PID }),
	pidColumn("TID", "the thread", func(w *model.Wait) int { return w.TID }),
	{
		Name: "COMMAND", Doc: "the process's name", Flex: true,
		Key:  func(v *View, w *model.Wait) Key { return TextKey(v.nameOf(w.PID, w.Comm)) },
		Text: func(v *View, w *model.Wait) Cell { return v.cell(TextKey(v.nameOf(w.PID, w.Comm))) },
	},
	{
		Name: "FOR", Doc: "how long it has not run", Right: true,
		Key: func(_ *View, w *model.Wait) Key { return OptKey(w.BlockedFor) },
		Text: func(_ *View, w *model.Wait) Cell {
			if n, ok := w.BlockedFor.Get(); ok {
				return Cell{Text: Duration(time.Duration(n))}
			}
			return Cell{Unknown, Dim}
		},
	},
	narrow(textColumn("CALL", "the system call it is in", func(w *model.Wait) string { return w.Call })),
	narrow(textColumn("NEEDS", "what would release it", func(w *model.Wait) string { return w.Needs })),
	textColumn("OBJECT", "the object it waits on", func(w *model.Wait) string { return w.Object }),
	{
		Name: "BLOCKERS", Doc: "who could release it", Flex: true,
		Text: func(v *View, w *model.Wait) Cell {
			var list []party
			for _, b := range w.Blockers {
				list = v.join(list, party{b.PID, v.nameOf(b.PID, b.Comm), 1})
			}
			text := v.parties(list)
			if text == "" {
				return Cell{Unknown, Dim}
			}
			return Cell{Text: text}
		},
	},
}

var findingColumns = []Column[model.Finding]{
	{
		Name: "SEVERITY", Doc: "critical, warning or info",
		Key: func(_ *View, f *model.Finding) Key { return TextKey(string(f.Severity)) },
		Text: func(v *View, f *model.Finding) Cell {
			role := map[model.Severity]Role{model.Critical: Alarm, model.Warning: Notice}[f.Severity]
			return Cell{v.escape(string(f.Severity)), role}
		},
	},
	narrow(textColumn("CONFIDENCE", "certain, likely or possible", func(f *model.Finding) string { return string(f.Confidence) })),
	{
		Name: "SINCE", Doc: "for how long", Right: true,
		Text: func(v *View, f *model.Finding) Cell { return Cell{Text: Age(v.snap.Taken, f.Since)} },
	},
	narrow(textColumn("RULE", "the rule that found it", func(f *model.Finding) string { return f.Rule })),
	textColumn("SUMMARY", "what is wrong", func(f *model.Finding) string { return f.Summary }),
	wide(textColumn("ID", "rule, root and objects", func(f *model.Finding) string { return f.ID })),
	wide(textColumn("OBJECTS", "all objects concerned", func(f *model.Finding) string { return strings.Join(f.Objects, " ") })),
}
