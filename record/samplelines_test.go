package record

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/model/modeltest"
)

// TestSharedRecordsComeBack: records that are shared with the sample before are not encoded again.
// The delta and the checksum are still those of the whole document, whichever records change,
// come, go or move.
func TestSharedRecordsComeBack(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	crowd := modeltest.NewCrowd(40, 40)
	s := crowd.Snapshot
	var before *sampleLines
	var was [][]byte
	for step := range 120 {
		d := newDelta(int64(time.Second))
		doc := documentOf(s, before, d)
		text := encode(t, s)
		if doc.sum.crc != checksum(text) || doc.sum.size != int64(len(text)) {
			t.Fatalf("step %d: the checksum of %d bytes is %x, want %x of %d", step, doc.sum.size, doc.sum.crc, checksum(text), len(text))
		}
		var whole bytes.Buffer
		if err := doc.writeTo(&whole); err != nil || !bytes.Equal(whole.Bytes(), text) {
			t.Fatalf("step %d: as a whole it is another, %v", step, err)
		}
		for n := 1; n < len(doc.objects.spans); n++ {
			if a, b := doc.objects.spans[n-1].n, doc.objects.spans[n].n; a+b <= spanLines || b > spanLines {
				t.Fatalf("step %d: spans of %d and %d lines", step, a, b)
			}
		}
		if before != nil {
			list, made, err := applyDelta(was, d.bytes(), anyBound)
			if err != nil || !bytes.Equal(bytes.Join(list, nil), text) {
				t.Fatalf("step %d: another document comes back, %v", step, err)
			}
			if step <= 80 && len(made) > len(s.Waits)+len(s.Limits)+200 {
				t.Fatalf("step %d: %d lines are new", step, len(made))
			}
		}
		before, was = doc, lines(text)
		next := *crowd.Next(0)
		next.Objects, next.Links = slices.Clone(s.Objects), s.Links
		next.Processes = s.Processes
		for range random.IntN(4) {
			at := random.IntN(len(next.Objects))
			if step > 80 && random.IntN(20) == 0 {
				slices.Reverse(next.Objects[at:min(len(next.Objects), at+5)]) // an order that no snapshot has
			}
			switch random.IntN(5) {
			case 0:
				next.Objects = slices.Delete(next.Objects, at, min(len(next.Objects), at+random.IntN(20)))
			case 1:
				o := *next.Objects[at]
				o.Name += "x"
				next.Objects[at] = &o
			case 2:
				o := *next.Objects[at]
				o.ID += "0"
				next.Objects = slices.Insert(next.Objects, at+1, &o)
			case 3:
				if next.Links = slices.Delete(slices.Clone(next.Links), 0, min(len(next.Links), random.IntN(5))); random.IntN(3) == 0 {
					next.Links = crowd.Snapshot.Links
				}
			case 4:
				next.Processes = slices.Clone(next.Processes)
				p := *next.Processes[at%len(next.Processes)]
				p.Comm += "x"
				next.Processes[at%len(next.Processes)] = &p
			}
		}
		if step < 80 {
			slices.SortStableFunc(next.Objects, model.CompareObjects)
		}
		s = &next
	}
}
