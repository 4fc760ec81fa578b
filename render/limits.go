package render

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/ipctop/ipctop/model"
)

// quietProcess is the used share of its limit below which a process has no line of its
// own: a machine has thousands of processes that are far from their limits.
const quietProcess = 0.5

// limitTable returns the table of limits, the fullest first.
func limitTable() table {
	t := tableOf(limitColumns, func(s *model.Snapshot) []*model.Limit { return pointers(s.Limits) })
	t.write = func(w io.Writer, v *View, s *model.Snapshot) error {
		columns, err := choose(v.Options, limitColumns, nil)
		if err != nil {
			return err
		}
		list, left := worstFirst(s.Limits), 0
		if !v.Wide && !v.NoHeadings {
			list, left = leaveQuiet(list)
		}
		if err := writeTable(w, v, columns, list); err != nil || left == 0 {
			return err
		}
		_, err = fmt.Fprintf(w, "%d more of single processes, all below %d%%: -o wide shows them\n", left, int(quietProcess*100))
		return err
	}
	return t
}

// worstFirst orders limits by the used share; limits whose share is unknown come last, in
// their original order.
func worstFirst(limits []model.Limit) []*model.Limit {
	list := pointers(limits)
	slices.SortStableFunc(list, func(a, b *model.Limit) int {
		return cmp.Compare(b.Share().Or(-1), a.Share().Or(-1))
	})
	return list
}

// leaveQuiet leaves out processes that are far from their limit, except the fullest one of
// each limit, and returns how many it left out.
func leaveQuiet(list []*model.Limit) ([]*model.Limit, int) {
	seen := map[string]bool{}
	kept := slices.DeleteFunc(slices.Clone(list), func(l *model.Limit) bool {
		if l.Scope == nil || l.Scope.PID == 0 {
			return false
		}
		first := !seen[l.Name]
		seen[l.Name] = true
		return !first && l.Share().Or(0) < quietProcess
	})
	return kept, len(list) - len(kept)
}

var limitColumns = []Column[model.Limit]{
	textColumn("NAME", "the limit's name", func(l *model.Limit) string { return l.Name }),
	spare(narrow(textColumn("KIND", "the mechanism it bounds", func(l *model.Limit) string { return string(l.Kind) }))),
	{
		Name: "SCOPE", Doc: "whom it applies to", Flex: true,
		Key:  func(v *View, l *model.Limit) Key { return TextKey(v.limitScope(l)) },
		Text: func(v *View, l *model.Limit) Cell { return Cell{Text: v.limitScope(l)} },
	},
	{
		Name: "USE", Doc: "the share that is used; ~ if computed, not read", Right: true,
		Key: func(_ *View, l *model.Limit) Key {
			if r, ok := l.Share().Get(); ok {
				return Key{kind: keyReal, real: float64(r)}
			}
			return Key{}
		},
		Text: func(_ *View, l *model.Limit) Cell {
			if !l.Share().Known() {
				return Cell{Unknown, Dim}
			}
			c := Cell{Text: LimitShare(l)}
			switch {
			case l.Full():
				c.Role = Alarm
			case l.Near():
				c.Role = Notice
			}
			return c
		},
	},
	{
		Name: "USED", Doc: "how much is used; ~ if computed, not read", Right: true,
		Key: func(_ *View, l *model.Limit) Key { return OptKey(l.Used) },
		Text: func(_ *View, l *model.Limit) Cell {
			if u, ok := l.Used.Get(); ok {
				return Cell{Text: estimate(l, limitNumber(l, u))}
			}
			return Cell{Unknown, Dim}
		},
	},
	{
		Name: "MAX", Doc: "the limit", Right: true,
		Key: func(_ *View, l *model.Limit) Key { return OptKey(l.Max) },
		Text: func(_ *View, l *model.Limit) Cell {
			m, ok := l.Max.Get()
			switch {
			case l.Unlimited:
				return Cell{Text: "unlimited"}
			case !ok:
				return Cell{Unknown, Dim}
			}
			return Cell{Text: limitNumber(l, m)}
		},
	},
	narrow(textColumn("UNIT", "what is counted, and in each of what", func(l *model.Limit) string { return l.Unit })),
}

// limitShare returns a share as text: FULL, 92%. A value below 100% is never rounded up to
// it, and a value above 0 is never rounded down to 0.
func limitShare(r model.Ratio) string {
	switch {
	case r >= 1:
		return "FULL"
	case r > 0 && r < 0.01:
		return "<1%"
	}
	return strconv.Itoa(int(float64(r)*100)) + "%"
}

// LimitShare returns how much of a limit is used, as its table shows it.
func LimitShare(l *model.Limit) string {
	r, ok := l.Share().Get()
	if !ok {
		return Unknown
	}
	return estimate(l, limitShare(r))
}

func estimate(l *model.Limit, text string) string {
	if l.Estimated {
		return "~" + text
	}
	return text
}

func limitNumber(l *model.Limit, n int64) string {
	if l.Unit == "bytes" || len(l.Unit) > 6 && l.Unit[:6] == "bytes " {
		return Size(n)
	}
	return count(n)
}

func (v *View) limitScope(l *model.Limit) string {
	switch {
	case l.Scope == nil:
		return "machine"
	case l.Scope.UID.Known():
		return "uid " + strconv.Itoa(l.Scope.UID.Or(0))
	case l.Scope.PID != 0:
		return v.process(l.Scope.PID)
	}
	return "namespace " + strconv.FormatUint(l.Scope.NS, 10)
}
