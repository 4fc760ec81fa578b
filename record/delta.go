package record

import (
	"bytes"
	"encoding/binary"
)

// A delta describes how to make the lines of a sample's JSON from those of the sample
// before. The JSON has one record per line, in an order that hardly changes. The delta
// begins with the time between the two samples in ns; then come the steps below. They
// move a position in the old lines.
const (
	stepCopy    = iota // copy the next N old lines
	stepSeek           // move by N old lines, forwards or backwards (zigzag)
	stepLine           // a new line of N bytes follows
	stepNumbers        // the next old line, with other numbers; N is 0
	stepSplice         // the next old line, keeping its first N and its last M bytes; the bytes between these follow
	steps
)

// lines splits JSON into lines, each with its line end.
func lines(doc []byte) [][]byte {
	list := make([][]byte, 0, bytes.Count(doc, newline)+1)
	for len(doc) > 0 {
		n := bytes.IndexByte(doc, '\n') + 1
		if n == 0 {
			n = len(doc)
		}
		list = append(list, doc[:n:n])
		doc = doc[n:]
	}
	return list
}

var newline = []byte{'\n'}

// identity returns the beginning of a line that distinguishes a record from its
// neighbours: every record begins with one or two fields that identify it. It need not be
// unique; otherwise the delta only becomes larger.
func identity(line []byte) []byte {
	first := bytes.IndexByte(line, ',')
	if first < 0 {
		return line
	}
	second := bytes.IndexByte(line[first+1:], ',')
	if second < 0 {
		return line
	}
	return line[:first+1+second]
}

// delta builds a delta.
type delta struct {
	b      []byte
	shift  int64 // ns since the sample before; 0 if it is not used
	at     int   // position: the next old line
	copied int   // how many lines before at are copied, in a step that is not written yet
}

func newDelta(shift int64) *delta {
	if shift >= maxNumber || shift <= -maxNumber {
		shift = 0
	}
	return &delta{b: binary.AppendUvarint(nil, zigzag(shift)), shift: shift}
}

// bytes returns the finished delta.
func (d *delta) bytes() []byte {
	d.flush()
	return d.b
}

func (d *delta) flush() {
	if d.copied > 0 {
		d.b = appendStep(d.b, stepCopy, uint64(d.copied))
		d.copied = 0
	}
}

// seek moves to an old line.
func (d *delta) seek(at int) {
	if d.at != at {
		d.flush()
		d.b = appendStep(d.b, stepSeek, zigzag(int64(at-d.at)))
		d.at = at
	}
}

// copy copies n old lines.
func (d *delta) copy(at, n int) {
	if n > 0 {
		d.seek(at)
		d.at, d.copied = at+n, d.copied+n
	}
}

// line adds a new line.
func (d *delta) line(line []byte) {
	d.flush()
	d.b = append(appendStep(d.b, stepLine, uint64(len(line))), line...)
}

// change turns an old line into another one, which normally has the same identity.
func (d *delta) change(at int, old, line []byte) {
	d.seek(at)
	d.flush()
	d.b = appendChange(d.b, old, line, d.shift)
	d.at++
}

// lines makes the lines of list from old lines; from is the position of the first old one.
func (d *delta) lines(from int, old, list [][]byte) {
	var index map[string][]int
	looked := 0
	for at := 0; len(list) > 0; {
		same := 0
		for same < len(list) && at+same < len(old) && bytes.Equal(old[at+same], list[same]) {
			same++
		}
		if same > 0 {
			d.copy(from+at, same)
			at, list = at+same, list[same:]
			continue
		}
		line := list[0]
		id := identity(line)
		if at >= len(old) || !bytes.Equal(identity(old[at]), id) && !followedBySame(old[at:], list) {
			rest := old[min(at+1, len(old)):]
			found := near(rest, id, nearby)
			switch {
			case found >= 0:
				found += at + 1
			case at < len(old) && near(list[1:], identity(old[at]), nearby) >= 0: // the line is new: the old line here comes later
			case looked < fewLooks: // normally a line went where another came: that is not worth an index
				if looked++; len(rest) > nearby {
					if found = near(rest[nearby:], id, farther); found >= 0 {
						found += at + 1 + nearby
					}
				}
			default:
				if index == nil {
					index = indexLines(old)
				}
				found = nextOf(index[string(id)], at)
			}
			if found < 0 {
				d.line(line)
				list = list[1:]
				continue
			}
			if at = found; bytes.Equal(old[at], line) {
				continue
			}
		}
		d.change(from+at, old[at], line)
		at, list = at+1, list[1:]
	}
}

// appendDelta appends the delta that makes list from old.
func appendDelta(b []byte, old, list [][]byte, shift int64) []byte {
	d := newDelta(shift)
	d.lines(0, old, list)
	return append(b, d.bytes()...)
}

// followedBySame reports whether the second lines are the same: then the first line has replaced
// the old one, as with the time at which a sample was taken.
func followedBySame(old, list [][]byte) bool {
	return len(old) > 1 && len(list) > 1 && bytes.Equal(old[1], list[1])
}

// How many lines are searched for lines that come and go: first the nearby ones. For the first
// few lines that are not found there, the search goes on farther. For further ones all lines are
// searched with an index. A line that is not found becomes a new line.
const (
	nearby   = 32
	farther  = 1024
	fewLooks = 32
)

// near returns the index of the line with an identity among the first n lines; -1 if it is
// not there.
func near(list [][]byte, id []byte, n int) int {
	for i, line := range list[:min(len(list), n)] {
		if bytes.HasPrefix(line, id) && bytes.Equal(identity(line), id) {
			return i
		}
	}
	return -1
}

func appendStep(b []byte, step int, n uint64) []byte {
	return binary.AppendUvarint(b, n*steps+uint64(step))
}

// indexLines indexes lines by identity.
func indexLines(list [][]byte) map[string][]int {
	index := make(map[string][]int, len(list))
	for i, line := range list {
		id := string(identity(line))
		index[id] = append(index[id], i)
	}
	return index
}

// nextOf returns the first of the places that is at or after at, else the first of all;
// -1 if there is none.
func nextOf(places []int, at int) int {
	for _, p := range places {
		if p >= at {
			return p
		}
	}
	if len(places) > 0 {
		return places[0]
	}
	return -1
}

// appendChange appends the step from a line to another, which normally has the same identity.
func appendChange(b []byte, old, line []byte, shift int64) []byte {
	n := len(b)
	if b, ok := appendNumbers(appendStep(b, stepNumbers, 0), old, line, shift); ok {
		return b
	}
	b = b[:n]
	before := 0
	for before < len(old) && before < len(line) && old[before] == line[before] {
		before++
	}
	after := 0
	for after < len(old)-before && after < len(line)-before && old[len(old)-1-after] == line[len(line)-1-after] {
		after++
	}
	between := line[before : len(line)-after]
	b = binary.AppendUvarint(appendStep(b, stepSplice, uint64(before)), uint64(after))
	return append(binary.AppendUvarint(b, uint64(len(between))), between...)
}

// deltaReader reads a delta.
type deltaReader struct {
	b     []byte
	shift int64
	err   error
}

func (d *deltaReader) uvarint() uint64 {
	u, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.err = errDelta
		return 0
	}
	d.b = d.b[n:]
	return u
}

func (d *deltaReader) bytes(n uint64) []byte {
	if n > uint64(len(d.b)) {
		d.err = errDelta
		return nil
	}
	b := d.b[:n:n]
	d.b = d.b[n:]
	return b
}

// applyDelta makes the lines of a sample from those of the sample before. made are the
// lines that the sample before did not have.
func applyDelta(old [][]byte, delta []byte, most bound) (list, made [][]byte, err error) {
	d := deltaReader{b: delta}
	d.shift = unzigzag(d.uvarint())
	if d.shift >= maxNumber || d.shift <= -maxNumber {
		d.err = errDelta
	}
	list = make([][]byte, 0, len(old)+16)
	at, size := uint64(0), 0
	add := func(line []byte) {
		list, made = append(list, line), append(made, line)
		size += len(line)
	}
	for len(d.b) > 0 && d.err == nil {
		code := d.uvarint()
		n := code / steps
		step := int(code % steps)
		if step == stepNumbers || step == stepSplice {
			if at >= uint64(len(old)) {
				return nil, nil, errDelta
			}
			at++
		}
		switch step {
		case stepCopy:
			if n > uint64(len(old))-at {
				return nil, nil, errDelta
			}
			for _, line := range old[at : at+n] {
				size += len(line)
			}
			if err := most.check(size, len(list)+int(n)); err != nil {
				return nil, nil, err
			}
			list = append(list, old[at:at+n]...)
			at += n
		case stepSeek:
			to := int64(at) + unzigzag(n)
			if to < 0 || to > int64(len(old)) {
				return nil, nil, errDelta
			}
			at = uint64(to)
		case stepLine:
			add(d.bytes(n))
		case stepNumbers:
			add(d.appendNumbered(make([]byte, 0, len(old[at-1])+8), old[at-1]))
		case stepSplice:
			line := old[at-1]
			after := d.uvarint()
			between := d.bytes(d.uvarint())
			if n > uint64(len(line)) || after > uint64(len(line))-n {
				return nil, nil, errDelta
			}
			spliced := make([]byte, 0, n+after+uint64(len(between)))
			spliced = append(append(spliced, line[:n]...), between...)
			add(append(spliced, line[uint64(len(line))-after:]...))
		}
		if err := most.check(size, len(list)); err != nil {
			return nil, nil, err
		}
	}
	return list, made, d.err
}
