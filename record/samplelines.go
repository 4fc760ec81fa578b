package record

import (
	"io"
	"slices"

	"github.com/ipctop/ipctop/model"
)

// sampleLines is a sample's JSON, line by line. For records that may be shared with the samples
// before and after, it stores only the checksums of the lines: nearly all of these records stay
// unchanged, and a record that changes is encoded again.
type sampleLines struct {
	lines     [][][]byte // of the parts that are not lists of records
	processes records[model.Process]
	objects   records[model.Object]
	links     records[model.Link]
	sum       sum

	// Memory that the sample after the next reuses.
	places []int32
	sums   [3][]lineSum
	room   *model.PartRoom

	own *model.PartRoom // the memory of the lines
}

// records is a list of records, each of them a line.
type records[T model.Process | model.Object | model.Link] struct {
	list  []*T
	sums  []lineSum
	spans []span
	sum   sum
}

// span is a number of consecutive lines.
type span struct {
	n int
	sum
}

// spanLines is the largest number of lines in a span. Two neighbouring spans together have more
// lines than that.
const spanLines = 256

// documentOf makes the document of a sample, and writes into d how to make it from the
// document before; before is nil if there is none.
func documentOf(s *model.Snapshot, before *sampleLines, d *delta) *sampleLines {
	if before == nil {
		before, d = &sampleLines{room: new(model.PartRoom), own: new(model.PartRoom)}, nil
	}
	doc := &sampleLines{sum: noSum, places: before.places, own: before.room, room: before.own}
	parts := model.Parts(s, doc.own)
	doc.sums = [3][]lineSum{before.processes.sums, before.objects.sums, before.links.sums}
	at := 0 // index of a line in the document before
	for i := range parts {
		p := &parts[i]
		switch {
		case i%2 == 0:
			var old [][]byte
			if n := i / 2; n < len(before.lines) {
				old = before.lines[n]
			}
			if d != nil {
				d.lines(at, old, p.Lines)
			}
			at += len(old)
			doc.lines = append(doc.lines, p.Lines)
			for _, line := range p.Lines {
				doc.sum = doc.sum.then(lineSumOf(line).sum())
			}
		case i == 1:
			doc.processes = next(p.Processes, &before.processes, func(a, b *model.Process) int { return a.PID - b.PID }, at, d, doc, before.sums[0])
			at += len(before.processes.list)
			doc.sum = doc.sum.then(doc.processes.sum)
		case i == 3:
			doc.objects = next(p.Objects, &before.objects, model.CompareObjects, at, d, doc, before.sums[1])
			at += len(before.objects.list)
			doc.sum = doc.sum.then(doc.objects.sum)
		case i == 5:
			doc.links = next(p.Links, &before.links, model.CompareLinks, at, d, doc, before.sums[2])
			at += len(before.links.list)
			doc.sum = doc.sum.then(doc.links.sum)
		}
	}
	return doc
}

// next makes the records of a list. line is where the records before begin in their document.
// The changes go into d, unless it is nil. room is memory for the sums: those of an older sample
// that is no longer needed.
func next[T model.Process | model.Object | model.Link](list []*T, before *records[T], compare func(a, b *T) int, line int, d *delta, doc *sampleLines, room []lineSum) records[T] {
	if d != nil && model.SameList(before.list, list) {
		d.copy(line, len(list))
		return *before
	}
	if cap(room) > 0 && cap(before.sums) > 0 && &room[:1][0] == &before.sums[:1][0] {
		room = nil // both samples had the same list, so its sums are still in use
	}
	r := records[T]{list: list, sums: slices.Grow(room[:0], len(list))[:len(list)]}
	doc.places = model.Matches(doc.places, before.list, list, compare)
	places := doc.places
	var now, old []byte
	for i := 0; i < len(list); {
		if at := places[i]; at >= 0 {
			n := 1
			for i+n < len(list) && int(places[i+n]) == int(at)+n {
				n++
			}
			copy(r.sums[i:i+n], before.sums[at:])
			if d != nil {
				d.copy(line+int(at), n)
			}
			i += n
			continue
		}
		now = model.AppendLine(now[:0], list[i])
		r.sums[i] = lineSumOf(now)
		if d != nil {
			if at := model.ChangedPlace(places[i]); at >= 0 {
				old = model.AppendLine(old[:0], before.list[at])
				if lineSumOf(old) == before.sums[at] { // the old record was not modified, which would be a bug
					d.change(line+at, old, now)
				} else {
					d.line(now)
				}
			} else {
				d.line(now)
			}
		}
		i++
	}
	r.spans = nextSpans(before.spans, places, r.sums)
	r.sum = noSum
	for _, s := range r.spans {
		r.sum = r.sum.then(s.sum)
	}
	return r
}

// nextSpans makes the spans of a list. It reuses each span before whose lines all still follow
// each other.
func nextSpans(before []span, places []int32, sums []lineSum) []span {
	spans := make([]span, 0, len(before)+1)
	add := func(s span) {
		if last := len(spans) - 1; last >= 0 && spans[last].n+s.n <= spanLines {
			spans[last] = span{spans[last].n + s.n, spans[last].then(s.sum)}
		} else {
			spans = append(spans, s)
		}
	}
	at := 0 // index in the list before
	i := 0
	other := 0 // index of the first record at or after i that is not the same
	alone := func() {
		add(span{1, sums[i].sum()})
		i++
	}
	for _, s := range before {
		for i < len(places) && int(places[i]) < at { // new, changed, or of a span that is not complete any more
			alone()
		}
		for other = max(other, i); other < len(places) && places[other] >= 0; {
			other++
		}
		if end := i + s.n - 1; end < other && int(places[i]) == at && int(places[end]) == at+s.n-1 {
			add(s)
			i = end + 1
		}
		at += s.n
	}
	for i < len(places) {
		alone()
	}
	return spans
}

// writeTo writes the document.
func (doc *sampleLines) writeTo(w io.Writer) error {
	var line []byte
	for i, list := range doc.lines {
		for _, l := range list {
			if _, err := w.Write(l); err != nil {
				return err
			}
		}
		var err error
		switch i {
		case 0:
			line, err = writeRecords(w, line, doc.processes.list)
		case 1:
			line, err = writeRecords(w, line, doc.objects.list)
		case 2:
			line, err = writeRecords(w, line, doc.links.list)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func writeRecords[T model.Process | model.Object | model.Link](w io.Writer, line []byte, list []*T) ([]byte, error) {
	for _, r := range list {
		line = model.AppendLine(line[:0], r)
		if _, err := w.Write(line); err != nil {
			return line, err
		}
	}
	return line, nil
}
