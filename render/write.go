package render

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/ipctop/ipctop/model"
)

// Formats are the values of --output.
var Formats = []string{"table", "wide", "json", "jsonl", "csv", "dot", "id", "pid"}

// Request says which parts of a snapshot to write, and in which format.
type Request struct {
	Format string
	Only   []string // lists, see [Lists]; empty: what the format usually shows
	Kinds  []model.Kind
	// Findings puts the worst findings above the tables.
	Findings bool
	// Index is the index of the whole snapshot, if there is one already; nil: it is made
	// when needed.
	Index *model.Index
	Options
}

// View returns the view for the snapshot's tables. whole is the snapshot that Index indexes.
func (r *Request) View(whole *model.Snapshot) *View {
	if r.Index == nil {
		r.Index = model.NewIndex(whole)
	}
	return NewView(r.Index, &r.Options)
}

// Check reports what is wrong with a request. It is called before a scan.
func (r *Request) Check() error {
	if !slices.Contains(Formats, r.Format) {
		return fmt.Errorf("there is no output format %q: there are %s", r.Format, strings.Join(Formats, ", "))
	}
	for _, list := range r.Only {
		if !slices.Contains(Lists, list) {
			return fmt.Errorf("there is no list %q: there are %s", list, strings.Join(Lists, ", "))
		}
	}
	switch r.Format {
	case "table", "wide":
	case "csv":
		if len(r.Only) > 1 {
			return fmt.Errorf("CSV holds one list, not %d", len(r.Only))
		}
	default:
		if r.Columns != "" {
			return fmt.Errorf("--columns is for tables and CSV, not for %s", r.Format)
		}
		return nil
	}
	if r.Columns != "" && len(r.Lists()) > 1 {
		return fmt.Errorf("--columns is for one list, not %d", len(r.Lists()))
	}
	return CheckColumns(&r.Options, r.Lists())
}

// Note returns the line for standard error after the output: what was searched if
// nothing was found, and what could not be read. JSON contains the latter itself.
func (r *Request) Note(whole *model.Snapshot, found bool) string {
	var parts []string
	if !found {
		parts = append(parts, fmt.Sprintf("nothing found: looked for %s among %d processes and %d objects",
			strings.Join(r.Lists(), " and "), len(whole.Processes), len(whole.Objects)))
	}
	if gaps := GapSummary(whole); gaps != "" && (!found || r.Format != "json" && r.Format != "jsonl") {
		parts = append(parts, gaps)
	}
	return strings.Join(parts, "; ")
}

// Lists returns the names of the lists that are written.
func (r *Request) Lists() []string {
	if len(r.Only) == 0 {
		return []string{"objects"}
	}
	return r.Only
}

// Write writes the requested parts of s, a selection from the snapshot whole. It reports
// whether there was anything to write; JSON is a document even if its lists are empty.
func Write(w io.Writer, r *Request, whole, s *model.Snapshot) (found bool, err error) {
	b := bufio.NewWriterSize(w, 64<<10)
	r.Options.Wide = r.Options.Wide || r.Format == "wide"
	r.Options.FoldPrivate = r.Format == "table" && len(r.Kinds) == 0 && !r.NoHeadings
	found = r.found(s)
	switch r.Format {
	case "json":
		err = model.Encode(b, r.pick(s))
	case "jsonl":
		err = writeJSONL(b, r.pick(s))
	case "dot":
		err = writeDOT(b, r.View(whole), s.Links, s.Waits)
	case "id":
		err = writeIDs(b, r, s)
	case "pid":
		err = writePIDs(b, r, s)
	default:
		if found {
			err = r.writeLists(b, r.View(whole), s)
		}
	}
	if err != nil {
		return found, err
	}
	return found, b.Flush()
}

func (r *Request) found(s *model.Snapshot) bool {
	lists := r.Lists()
	if len(r.Only) == 0 && (r.Format == "json" || r.Format == "jsonl") {
		lists = Lists
	}
	return slices.ContainsFunc(lists, func(l string) bool { return tables[l].count(s) > 0 })
}

func (r *Request) writeLists(w io.Writer, v *View, s *model.Snapshot) error {
	if r.Findings && r.Format != "csv" && !r.NoHeadings && r.Columns == "" {
		if err := ShortFindings(w, v, s.Findings); err != nil {
			return err
		}
	}
	written := 0
	for _, list := range r.Lists() {
		t := tables[list]
		if t.count(s) == 0 {
			continue
		}
		if r.Format == "csv" {
			return t.csv(w, v, s, r.Kinds)
		}
		if written > 0 && !r.NoHeadings {
			if _, err := io.WriteString(w, "\n"); err != nil {
				return err
			}
		}
		written++
		if err := t.write(w, v, s); err != nil {
			return err
		}
	}
	return nil
}

// pick empties the lists that were not asked for.
func (r *Request) pick(s *model.Snapshot) *model.Snapshot {
	if len(r.Only) == 0 {
		return s
	}
	p := *s
	only := func(list string) bool { return slices.Contains(r.Only, list) }
	if !only("gaps") {
		p.Gaps = nil
	}
	if !only("limits") {
		p.Limits = nil
	}
	if !only("processes") {
		p.Processes = nil
	}
	if !only("objects") {
		p.Objects = nil
	}
	if !only("links") {
		p.Links = nil
	}
	if !only("traffic") {
		p.Traffic = nil
	}
	if !only("waits") {
		p.Waits = nil
	}
	if !only("findings") {
		p.Findings = nil
	}
	return &p
}

// writeIDs writes the ids of the objects, or of the findings if only those are
// asked for, one per line.
func writeIDs(w io.Writer, r *Request, s *model.Snapshot) error {
	var b strings.Builder
	if slices.Equal(r.Only, []string{"findings"}) {
		for i := range s.Findings {
			b.WriteString(Escape(s.Findings[i].ID) + "\n")
		}
	} else {
		for i := range s.Objects {
			b.WriteString(Escape(s.Objects[i].ID) + "\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writePIDs writes the pids of the objects' holders, or those in the lists asked for,
// each once.
func writePIDs(w io.Writer, r *Request, s *model.Snapshot) error {
	var pids []int
	for _, list := range r.Lists() {
		switch list {
		case "objects":
			for i := range s.Objects {
				for j := range s.Objects[i].Holders {
					pids = append(pids, int(s.Objects[i].Holders[j].PID))
				}
			}
		case "processes":
			for i := range s.Processes {
				pids = append(pids, s.Processes[i].PID)
			}
		case "links":
			for i := range s.Links {
				pids = append(append(pids, s.Links[i].From...), s.Links[i].To...)
			}
		case "waits":
			for i := range s.Waits {
				pids = append(pids, s.Waits[i].PID)
			}
		case "findings":
			for i := range s.Findings {
				pids = append(pids, s.Findings[i].PIDs...)
			}
		}
	}
	slices.Sort(pids)
	var b []byte
	for _, pid := range slices.Compact(pids) {
		if pid != 0 { // a descriptor in flight is held by no process
			b = append(append(b, s.PIDRef(pid)...), '\n')
		}
	}
	_, err := w.Write(b)
	return err
}
