package model

import "reflect"

// Part is a part of a snapshot's document as [Encode] writes it. It consists either of lines,
// each with its newline, or of records that may be shared with other snapshots; each record is
// one line ([AppendLine]).
type Part struct {
	Lines     [][]byte
	Processes []*Process
	Objects   []*Object
	Links     []*Link
}

// AppendLine appends the line of a record of a [Part].
func AppendLine[T Process | Object | Link](b []byte, record *T) []byte {
	return append(AppendJSON(b, record), ',', '\n')
}

// PartRoom is memory for parts and their lines, which can be reused.
type PartRoom struct {
	list  []Part
	lines [][]byte
	text  []byte
}

// Parts splits the document of a snapshot. Every snapshot has the same parts in the same
// order; some may be empty. The last record of a list is in a part of lines, because its line
// also ends the list. Parts reuses the memory of room: the parts that were made in it before
// must not be used any more.
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

// sharedRecords returns the records of a list without the last one; nil if snapshots do not share records of this list.
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
	first int      // index of the current part's first line
	text  []byte   // all lines; finished lines may be in its memory from before it grew
	begin int      // offset of the current line
}

// end ends a line.
func (p *parts) end() {
	p.text = append(p.text, '\n')
	p.lines = append(p.lines, p.text[p.begin:len(p.text):len(p.text)])
	p.begin = len(p.text)
}

// part ends a part of lines.
func (p *parts) part() {
	p.list = append(p.list, Part{Lines: p.lines[p.first:len(p.lines):len(p.lines)]})
	p.first = len(p.lines)
}

// records adds a list of records. The current line continues after it.
func (p *parts) records(list Part) {
	p.part()
	p.list = append(p.list, list)
}
