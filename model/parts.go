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

// PartRoom is memory of parts and their lines.
type PartRoom struct {
	list  []Part
	lines [][]byte
	text  []byte
}

// Parts takes the document of a snapshot apart. Each has the same parts in the same order,
// of which some may be empty. The last record of a list is among the lines, as its line
// ends the list. It uses the memory of room: of the parts that were made there before nobody may
// use any more.
func Parts(s *Snapshot, room *PartRoom) []Part {
	clear(room.list)
	p := parts{list: room.list[:0], lines: room.lines[:0], text: append(room.text[:0], '{')}
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
			p.text = append(p.text, ',')
			p.end()
		}
		p.text = append(p.text, f.key...)
		if f.typ.Kind() != reflect.Slice {
			p.text = f.enc(p.text, list)
			continue
		}
		p.text = append(p.text, '[')
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
					p.text = append(elem(p.text, list.Index(j)), ',')
					p.end()
				}
			}
			p.text = elem(p.text, list.Index(n-1))
		}
		p.text = append(p.text, ']')
	}
	p.text = append(p.text, '}')
	p.end()
	p.part()
	room.list, room.lines, room.text = p.list, p.lines, p.text
	return p.list
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
	lines [][]byte // of all parts
	first int      // line of the part under way
	text  []byte   // all lines; those that are done may be in the memory that it had before it grew
	begin int      // of the line under way
}

// end ends a line.
func (p *parts) end() {
	p.text = append(p.text, '\n')
	p.lines = append(p.lines, p.text[p.begin:len(p.text):len(p.text)])
	p.begin = len(p.text)
}

// part ends a part that is lines.
func (p *parts) part() {
	p.list = append(p.list, Part{Lines: p.lines[p.first:len(p.lines):len(p.lines)]})
	p.first = len(p.lines)
}

// records adds a list of records. The line under way goes on after it.
func (p *parts) records(list Part) {
	p.part()
	p.list = append(p.list, list)
}
