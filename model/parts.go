package model

import "reflect"

// Part is a part of a snapshot's document as [Encode] writes it: lines, each with its end, or
// records that may be shared with other snapshots, each of which is a line of its own
// ([AppendLine]).
type Part struct {
	Lines     [][]byte
	Processes []*Process
	Objects   []*Object
	Links     []*Link
}

// AppendLine appends the line that a record of a [Part] is.
func AppendLine[T Process | Object | Link](b []byte, record *T) []byte {
	return append(AppendJSON(b, record), ',', '\n')
}

// Parts takes the document of a snapshot apart. Each has the same parts in the same order,
// of which some may be empty. The last record of a list is among the lines, as its line
// ends the list.
func Parts(s *Snapshot) []Part {
	p := parts{line: []byte{'{'}}
	v := reflect.ValueOf(s).Elem()
	fields := planOf(v.Type())
	for i := range fields {
		f := &fields[i]
		shared := sharedRecords(s, f.name)
		list, ok := f.in(v)
		if !ok {
			if shared != nil {
				p.records(Part{})
			}
			continue
		}
		if i > 0 {
			p.line = append(p.line, ',')
			p.end()
		}
		p.line = append(p.line, f.key...)
		if f.typ.Kind() != reflect.Slice {
			p.line = f.enc(p.line, list)
			continue
		}
		p.line = append(p.line, '[')
		n := list.Len()
		if n > 0 {
			p.end()
		}
		if shared != nil {
			p.records(*shared)
		}
		if n > 0 {
			elem := encoderOf(f.typ.Elem())
			if shared == nil {
				for j := range n - 1 {
					p.line = append(elem(p.line, list.Index(j)), ',')
					p.end()
				}
			}
			p.line = elem(p.line, list.Index(n-1))
		}
		p.line = append(p.line, ']')
	}
	p.line = append(p.line, '}')
	p.end()
	return append(p.list, Part{Lines: p.lines})
}

// sharedRecords are the records of a list of a snapshot, but for the last; nil if they cannot be shared.
func sharedRecords(s *Snapshot, list string) *Part {
	switch list {
	case "processes":
		return &Part{Processes: s.Processes[:max(0, len(s.Processes)-1)]}
	case "objects":
		return &Part{Objects: s.Objects[:max(0, len(s.Objects)-1)]}
	case "links":
		return &Part{Links: s.Links[:max(0, len(s.Links)-1)]}
	}
	return nil
}

// parts are the parts of a document while they are made.
type parts struct {
	list  []Part
	lines [][]byte // of the part under way
	line  []byte   // the one under way
	room  []byte   // for lines
}

// linesRoom is how much memory lines take at a time, in bytes.
const linesRoom = 64 << 10

// end ends a line.
func (p *parts) end() {
	p.line = append(p.line, '\n')
	n := len(p.line)
	if cap(p.room)-len(p.room) < n {
		p.room = make([]byte, 0, max(n, linesRoom))
	}
	p.room = append(p.room, p.line...)
	p.lines = append(p.lines, p.room[len(p.room)-n:len(p.room):len(p.room)])
	p.line = p.line[:0]
}

// records adds a list of records. The line under way goes on after it.
func (p *parts) records(list Part) {
	p.list = append(p.list, Part{Lines: p.lines}, list)
	p.lines = nil
}
