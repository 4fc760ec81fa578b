package render

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ipctop/ipctop/model"
)

func (t *showText) object(x *model.Index, o *model.Object) {
	info, _ := model.LookupKind(o.Kind)
	title := info.Title
	if title == "" {
		title = string(o.Kind)
	}
	if o.Name != "" {
		title += ", " + t.esc(o.Name)
	}
	t.line("%s  %s", t.esc(o.ID), title)
	t.objectIdentity(o)
	t.objectDetail(o)
	t.holders(x, o)
	t.peers(x, o)
	t.links(x, o)
	t.waits(x, func(w *model.Wait) bool { return w.Object == o.ID || slices.Contains(w.Objects, o.ID) })
	t.findings(func(f *model.Finding) bool { return slices.Contains(f.Objects, o.ID) }, x)
}

// objectIdentity writes the fields that every object may have.
func (t *showText) objectIdentity(o *model.Object) {
	var rows [][]string
	for _, f := range model.Values(o) {
		switch f.Name() {
		case "id", "kind", "name", "holders", "holders_complete", "peers", "detail":
		case "fill":
			fill, _ := o.Fill.Get()
			rows = append(rows, []string{showLabel(f.FieldInfo), showPercent(fill)})
		case "namespace":
			rows = append(rows, []string{showLabel(f.FieldInfo), fmt.Sprintf("%s:[%d]", t.esc(o.Namespace.Type), model.NamespaceNumber(o.Namespace.Inode))})
		default:
			rows = append(rows, []string{showLabel(f.FieldInfo), t.value(f)})
		}
	}
	t.table(rows)
}

func showPercent(r model.Ratio) string {
	return strings.TrimSuffix(strconv.FormatFloat(float64(r)*100, 'f', 1, 64), ".0") + "%"
}

func (t *showText) holders(x *model.Index, o *model.Object) {
	note := ""
	if !o.HoldersComplete {
		note = "; the list may be incomplete"
	}
	t.heading("Holders (%d%s)", len(o.Holders), note)
	if len(o.Holders) == 0 {
		return
	}
	rows := [][]string{{"PROCESS", "VIA", "FD", "ACCESS", "PROCESS STARTED", "MORE"}}
	for i := range o.Holders {
		h := &o.Holders[i]
		row := []string{"-", string(h.Via), "-", string(h.Access), "-", t.holdMore(h)}
		if h.PID != 0 {
			row[0] = t.who(x, int(h.PID), h.Comm)
			if p := x.Processes[int(h.PID)]; p != nil && !p.StartTime.IsZero() {
				row[4] = showTime(p.StartTime)
			}
		}
		if fd, ok := h.FD.Get(); ok {
			row[2] = strconv.Itoa(int(fd))
		}
		if row[3] == "" {
			row[3] = "?"
		}
		rows = append(rows, row)
	}
	t.table(rows)
}

// holdMore returns the fields that few holder records have: a shared description, a mapping's
// place, a lock's range.
func (t *showText) holdMore(h *model.Holder) string {
	var parts []string
	for _, f := range model.Values(h) {
		switch f.Name() {
		case "pid", "comm", "via", "fd", "access":
		case "ofd":
			parts = append(parts, "same open file as "+SharedWith(h))
		default:
			if value := t.value(f); value != "" {
				parts = append(parts, showLabel(f.FieldInfo)+" "+value)
			}
		}
	}
	return strings.Join(parts, ", ")
}

func (t *showText) peers(x *model.Index, o *model.Object) {
	if len(o.Peers) == 0 {
		return
	}
	t.heading("Other end (%d)", len(o.Peers))
	var rows [][]string
	for _, p := range o.Peers {
		row := []string{t.esc(p.ID), string(p.Confidence), ""}
		if peer := x.Object(p.ID); peer != nil {
			row[2] = "no visible holder"
			if names := t.holderNames(x, peer, showAnyHolder); names != nil {
				row[2] = "held by " + showFew(names, 8)
			}
		}
		rows = append(rows, row)
	}
	t.table(rows)
}

func (t *showText) links(x *model.Index, o *model.Object) {
	var lines []string
	for i := range x.Snapshot.Links {
		l := x.Snapshot.Links[i]
		if l.Object != o.ID && !slices.ContainsFunc(o.Peers, func(p model.Peer) bool { return p.ID == l.Object }) {
			continue
		}
		arrow := t.arrow
		if l.BothWays {
			arrow = t.both
		}
		lines = append(lines, fmt.Sprintf("  %s %s %s", showFew(t.linkEnd(x, l.From, l.FromComm), 8), arrow,
			showFew(t.linkEnd(x, l.To, l.ToComm), 8)))
	}
	if lines == nil {
		return
	}
	t.heading("Links")
	t.line("%s", strings.Join(lines, "\n"))
}

func (t *showText) linkEnd(x *model.Index, pids []int, comms []string) []string {
	names := make([]string, len(pids))
	for i, pid := range pids {
		comm := ""
		if i < len(comms) {
			comm = comms[i]
		}
		names[i] = t.who(x, pid, comm)
	}
	return names
}

// SharedWith names the descriptor with which a holder shares its open file description.
func SharedWith(h *model.Holder) string {
	return fmt.Sprintf("PID %d fd %d", h.OFD.PID, h.OFD.FD)
}
