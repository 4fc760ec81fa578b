package render

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/ipctop/ipctop/diagnose"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/query"
)

// BenchmarkWhy diagnoses and explains one of 200 processes with 50 descriptors each, all of
// which wait for their neighbours.
func BenchmarkWhy(b *testing.B) {
	const processes, each = 200, 50
	s := &model.Snapshot{Schema: model.Schema, Taken: time.Now()}
	for p := range processes {
		pid := 1000 + p
		s.Processes = append(s.Processes, &model.Process{
			PID: pid, PPID: 1, Comm: "p", Label: "p", State: "S", Threads: 1, Signals: &model.Signals{Caught: []string{}},
		})
		for f := range each / 2 {
			s.Objects = append(s.Objects, &model.Object{
				ID: fmt.Sprintf("pipe:%d", p*each+f), Kind: model.Pipe, HoldersComplete: true, Detail: new(model.PipeDetail), Holders: []model.Holder{
					{PID: int32(pid), Via: model.ViaFD, FD: model.Some(int32(f)), Access: model.Read},
					{PID: int32(1000 + (p+1)%processes), Via: model.ViaFD, FD: model.Some(int32(f + each)), Access: model.Write},
				},
			})
		}
		s.Waits = append(s.Waits, model.Wait{
			PID: pid, TID: pid, Comm: "p", Call: "read", Needs: "data", Object: fmt.Sprintf("pipe:%d", p*each), Confirmed: true,
			Timed: model.Some(false), BlockedFor: model.Some(int64(time.Minute)),
		})
	}
	for b.Loop() {
		g := diagnose.Run(s, diagnose.Options{MinAge: time.Second})
		m, err := query.One(s, "1000")
		if err != nil {
			b.Fatal(err)
		}
		var text bytes.Buffer
		if err := Why(&text, NewView(g.Index, &Options{}), g, []query.Match{m}); err != nil || text.Len() == 0 {
			b.Fatal(err, text.Len())
		}
	}
}
