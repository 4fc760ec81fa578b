package record

import (
	"bytes"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/model/modeltest"
)

// TestDayIsSmall computes the size of a day's recording of a quiet machine: 200 processes with
// 10,000 descriptors, a sample every 5 seconds. It is extrapolated from the first samples of
// a group.
func TestDayIsSmall(t *testing.T) {
	const day, samples = 24 * 60 * 60 / 5, 40
	f, _ := recording(t, newMachine(200, 50), samples, 5*time.Second)
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
	median, total := deltas[len(deltas)/2], int64(0)
	for _, d := range deltas {
		total += d
	}
	key, _ := rec.Size(0)
	all := (key + total*groupSamples/int64(len(deltas))) * day / groupSamples
	t.Logf("the median delta takes %d bytes, a day %d MB", median, all/1e6)
	if median >= 5000 || all >= 100e6 {
		t.Errorf("the median delta takes %d bytes, a day %d", median, all)
	}
}

// longDay returns a recording of a day. Because recording it would take minutes, it repeats
// the same group with other times in the headers.
func longDay(b *testing.B) []byte {
	b.Helper()
	const groups = 24 * 60 * 60 / 5 / groupSamples
	f, _ := recording(b, newMachine(200, 50), groupSamples, 5*time.Second)
	rec := open(b, f.b)
	z := newCoder()
	day := bytes.Clone(f.b[:headerSize])
	before := int64(0)
	for g := range int64(groups) {
		from := int64(len(day))
		var group []entry
		for _, e := range rec.entries {
			h, p, err := rec.readFrame(e.at, int64(len(f.b)))
			if err != nil {
				b.Fatal(err)
			}
			h.taken += g * groupSamples * int64(5*time.Second)
			e.at, e.taken = int64(len(day)), h.taken
			day = appendFrame(day, h, p)
			group = append(group, e)
		}
		if g < groups-1 {
			n := len(day)
			day = z.appendIndex(day, group, from, before)
			before = int64(len(day) - n)
		}
	}
	return day
}

// BenchmarkJump opens a recording of a day and reads the sample at a time.
func BenchmarkJump(b *testing.B) {
	day := longDay(b)
	r := bytes.NewReader(day)
	rec := open(b, day)
	b.Logf("%d samples in %d MB", rec.Len(), len(day)/1e6)
	at := began
	used := cpu()
	for b.Loop() {
		rec, err := Open(r, int64(len(day)), model.DefaultMaxMemory)
		if err != nil {
			b.Fatal(err)
		}
		if at = at.Add(7919 * time.Second); at.After(rec.Time(rec.Len() - 1)) {
			at = at.Add(-23 * time.Hour)
		}
		if _, err := rec.Load(rec.At(at)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric((cpu()-used).Seconds()*1000/float64(b.N), "cpu-ms/op")
}

// cpu returns the processor time of the test: on a busy machine this says more than the
// elapsed time.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkAppend measures what a sample costs in addition to the scan.
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

// BenchmarkAppendCrowd measures the same for a crowd in which no process, or one process in a
// hundred, is active.
func BenchmarkAppendCrowd(b *testing.B) {
	for name, every := range map[string]int{"idle": 0, "active": 100} {
		b.Run(name, func(b *testing.B) {
			w, err := Create(&memory{}, Keep{})
			if err != nil {
				b.Fatal(err)
			}
			c := modeltest.NewCrowd(1000, 100)
			if err := w.Append(c.Snapshot); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			modeltest.ReportCPU(b)
			for b.Loop() {
				b.StopTimer()
				s := c.Next(every)
				b.StartTimer()
				if err := w.Append(s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkLoad measures a step to the next sample.
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
