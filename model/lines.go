package model

import (
	"bytes"
	"reflect"
)

// Lines encodes one snapshot after the other as [Encode] does, line by line. A record
// that was in the snapshot before, too, has the line that it had there.
type Lines struct {
	processes recordLines[Process]
	objects   recordLines[Object]
	links     recordLines[Link]
}

// Encode returns the lines of a snapshot's document, each with its end. They must not be
// changed.
func (l *Lines) Encode(s *Snapshot) [][]byte {
	lines := make([][]byte, 0, 64+len(s.Processes)+len(s.Objects)+len(s.Links)+len(s.Waits)+len(s.Limits)+len(s.Gaps))
	line := []byte{'{'} // the one under way
	end := func() {
		lines = append(lines, append(bytes.Clone(line), '\n'))
		line = line[:0]
	}
	v := reflect.ValueOf(s).Elem()
	fields := planOf(v.Type())
	for i := range fields {
		f := &fields[i]
		list, ok := f.in(v)
		if !ok {
			continue
		}
		if i > 0 {
			line = append(line, ',')
			end()
		}
		line = append(line, f.key...)
		if f.typ.Kind() != reflect.Slice {
			line = f.enc(line, list)
			continue
		}
		line = append(line, '[')
		n := list.Len()
		if n > 0 {
			end()
			elem := encoderOf(f.typ.Elem())
			if cached := l.of(s, f.name); cached != nil {
				lines = append(lines, cached[:n-1]...)
			} else {
				for j := range n - 1 {
					line = append(elem(line, list.Index(j)), ',')
					end()
				}
			}
			line = elem(line, list.Index(n-1))
		}
		line = append(line, ']')
	}
	line = append(line, '}')
	end()
	return lines
}

// of are the lines of a list whose records may be shared, each with a comma; nil if
// theirs may not.
func (l *Lines) of(s *Snapshot, list string) [][]byte {
	switch list {
	case "processes":
		return l.processes.encode(s.Processes, func(a, b *Process) int { return a.PID - b.PID })
	case "objects":
		return l.objects.encode(s.Objects, CompareObjects)
	case "links":
		return l.links.encode(s.Links, CompareLinks)
	}
	return nil
}

// recordLines are the lines of records.
type recordLines[T any] struct {
	records []*T
	lines   [][]byte
	line    []byte
}

// firstLines is how much memory the lines of the first snapshot take at a time, in
// bytes. Later ones each have their own, so that they can go one by one.
const firstLines = 64 << 10

func (r *recordLines[T]) encode(list []*T, compare func(a, b *T) int) [][]byte {
	if r.lines != nil && SameList(r.records, list) {
		return r.lines
	}
	var room []byte
	places := Places(r.records, list, compare)
	lines := make([][]byte, len(list))
	for i, record := range list {
		if at := places[i]; at >= 0 {
			lines[i] = r.lines[at]
			continue
		}
		r.line = append(AppendJSON(r.line[:0], record), ',', '\n')
		n := len(r.line)
		if r.records != nil {
			lines[i] = bytes.Clone(r.line)
			continue
		}
		if cap(room)-len(room) < n {
			room = make([]byte, 0, max(n, firstLines))
		}
		room = append(room, r.line...)
		lines[i] = room[len(room)-n : len(room) : len(room)]
	}
	r.records, r.lines = list, lines
	return lines
}
