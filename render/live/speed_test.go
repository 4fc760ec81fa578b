package live

import (
	"testing"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/model/modeltest"
)

// many is the number of rows that the view must handle.
const many = 100_000

func BenchmarkFrame(b *testing.B) {
	m := New(usual)
	m, _ = Update(m, Resize{200, 50})
	d := Prepare(model.NewIndex(pipes(many)), nil, usual)
	m = benchWork(m, Scanned{Data: d})
	m = benchWork(m, Key{"3"})
	b.Run("lines", func(b *testing.B) {
		for b.Loop() {
			Lines(m, 200, 50)
		}
	})
	b.Run("key", func(b *testing.B) {
		for b.Loop() {
			m, _ = Update(m, Key{"Down"})
			Lines(m, 200, 50)
		}
	})
	b.Run("snapshot", func(b *testing.B) { // only the work of the drawing goroutine
		for b.Loop() {
			m, _ = Update(m, Scanned{Data: d})
			Lines(m, 200, 50)
		}
	})
}

// benchWork updates a model and does the resulting work.
func benchWork(m Model, e Event) Model {
	m, effects := Update(m, e)
	for _, e := range effects {
		if w, ok := e.(Work); ok {
			m = benchWork(m, w.Run())
		}
	}
	return m
}

// BenchmarkPrepare measures the work of the scanner's goroutine for each snapshot.
func BenchmarkPrepare(b *testing.B) {
	s := pipes(many)
	x := model.NewIndex(s)
	prev := Prepare(x, nil, usual)
	for b.Loop() {
		Prepare(x, prev, usual)
	}
}

func BenchmarkArrange(b *testing.B) {
	d := Prepare(model.NewIndex(pipes(many)), nil, usual)
	for name, o := range map[string]order{
		"natural": {screen: screenChannels},
		"sorted":  {screen: screenChannels, column: "QUEUED"},
		"text":    {screen: screenChannels, filter: filter{text: "writer(17)"}},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				arrange(d, nil, o)
			}
		})
	}
}

// BenchmarkRefresh prepares and draws each screen for a crowd, repeatedly, while nothing
// happens or one process in a hundred is active.
func BenchmarkRefresh(b *testing.B) {
	for name, every := range map[string]int{"idle": 0, "active": 100} {
		for _, key := range []string{"1", "2", "3", "4", "5", "6", "7", "8"} {
			b.Run(name+"/"+key, func(b *testing.B) {
				c := modeltest.NewCrowd(1000, 100)
				index := model.NewIndex(c.Snapshot)
				d := Prepare(index, nil, usual)
				m, _ := Update(New(usual), Resize{200, 50})
				m = benchWork(benchWork(m, Scanned{Data: d}), Key{key})
				b.ReportAllocs()
				modeltest.ReportCPU(b)
				for b.Loop() {
					b.StopTimer()
					index = index.Next(c.Next(every))
					b.StartTimer()
					d = Prepare(index, d, usual)
					m = benchWork(m, Scanned{Data: d})
					Lines(m, 200, 50)
				}
			})
		}
	}
}
