package diagnose

import (
	"testing"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/model/modeltest"
)

// BenchmarkRun diagnoses a machine of 1,000 processes with 100 descriptors each: for the
// first time, and repeatedly while no process or one process in a hundred is active.
func BenchmarkRun(b *testing.B) {
	b.Run("first", func(b *testing.B) {
		c := modeltest.NewCrowd(1000, 100)
		b.ReportAllocs()
		modeltest.ReportCPU(b)
		for b.Loop() {
			Run(c.Next(0), Defaults())
		}
	})
	for name, every := range map[string]int{"idle": 0, "active": 100} {
		b.Run(name, func(b *testing.B) {
			c, q := modeltest.NewCrowd(1000, 100), Sequence{Options: Defaults()}
			q.Run(c.Snapshot)
			b.ReportAllocs()
			modeltest.ReportCPU(b)
			for b.Loop() {
				b.StopTimer()
				s := c.Next(every)
				b.StartTimer()
				q.Run(s)
			}
		})
	}
}

// BenchmarkRing diagnoses 1,000 processes that each wait for the one before.
func BenchmarkRing(b *testing.B) {
	c := modeltest.NewRing(1000, 5)
	b.ReportAllocs()
	modeltest.ReportCPU(b)
	for b.Loop() {
		Run(c.Next(0), Defaults())
	}
}

func BenchmarkIndex(b *testing.B) {
	s := modeltest.NewCrowd(1000, 100).Snapshot
	b.ReportAllocs()
	modeltest.ReportCPU(b)
	for b.Loop() {
		model.NewIndex(s)
	}
}

func BenchmarkLinks(b *testing.B) {
	s := modeltest.NewCrowd(1000, 100).Snapshot
	b.ReportAllocs()
	modeltest.ReportCPU(b)
	for b.Loop() {
		model.MakeLinks(s.Objects)
	}
}

// BenchmarkNextLinks makes the links of a crowd again after one process in a hundred was
// active.
func BenchmarkNextLinks(b *testing.B) {
	c, m := modeltest.NewCrowd(1000, 100), new(model.LinkMaker)
	m.Make(c.Snapshot.Objects)
	b.ReportAllocs()
	modeltest.ReportCPU(b)
	for b.Loop() {
		b.StopTimer()
		s := c.Next(100)
		b.StartTimer()
		m.Make(s.Objects)
	}
}
