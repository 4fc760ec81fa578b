package record

import (
	"bytes"
	"slices"
	"testing"
	"time"
)

// What a day takes on a machine on which little happens: 200 processes with
// 10,000 descriptors, a sample every 5 seconds. It is worked out from 2 groups
// of samples, or measured with a benchmark.
func TestDayIsSmall(t *testing.T) {
	const day = 24 * 60 * 60 / 5
	f, _ := recording(t, newMachine(200, 50), 2*groupSamples, 5*time.Second)
	rec := open(t, f.b)
	var deltas []int64
	for i := range rec.Len() {
		if size, whole := rec.Size(i); !whole {
			deltas = append(deltas, size)
		} else {
			t.Logf("a whole sample takes %d bytes", size)
		}
	}
	slices.Sort(deltas)
	median, all := deltas[len(deltas)/2], int64(len(f.b))/int64(rec.Len())*day
	t.Logf("the median delta takes %d bytes, a day %d MB", median, all/1e6)
	if median >= 5000 || all >= 100e6 {
		t.Errorf("the median delta takes %d bytes, a day %d", median, all)
	}
}

// BenchmarkJump opens a recording of a day and reads the sample at a time.
func BenchmarkJump(b *testing.B) {
	f, _ := recording(b, newMachine(200, 50), 24*60*60/5, 5*time.Second)
	b.Logf("%d samples in %d MB", 24*60*60/5, len(f.b)/1e6)
	r := bytes.NewReader(f.b)
	rec := open(b, f.b)
	var i int
	for b.Loop() {
		rec, err := Open(r, int64(len(f.b)))
		if err != nil {
			b.Fatal(err)
		}
		i = (i + 7919) % rec.Len()
		if _, err := rec.JSON(i); err != nil {
			b.Fatal(err)
		}
	}
	_ = rec
}

// BenchmarkAppend is what a sample costs beside the scan.
func BenchmarkAppend(b *testing.B) {
	f := &memory{}
	w, err := Create(f, Keep{})
	if err != nil {
		b.Fatal(err)
	}
	m := newMachine(200, 50)
	for b.Loop() {
		b.StopTimer()
		s := m.next(5 * time.Second)
		b.StartTimer()
		if err := w.Append(s); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLoad is what it takes to step to the next sample.
func BenchmarkLoad(b *testing.B) {
	f, _ := recording(b, newMachine(200, 50), groupSamples, 5*time.Second)
	rec := open(b, f.b)
	i := 0
	for b.Loop() {
		if _, err := rec.Load(i % rec.Len()); err != nil {
			b.Fatal(err)
		}
		i++
	}
}
