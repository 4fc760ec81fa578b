package diagnose

import (
	"strings"
	"testing"

	"github.com/ipctop/ipctop/model"
)

// TestEachSuspectInFlight: each waiter is named with what it waits for, however many
// descriptors may be in the queue.
func TestEachSuspectInFlight(t *testing.T) {
	child := func(p *model.Process) { p.PPID = 5 }
	m := newMachine().process(5).object("unix:1", model.Unix, &model.UnixDetail{InflightFDs: model.Some[int64](1)}, held(5))
	for i, id := range []string{"pipe:1", "pipe:2", "pipe:3", "pipe:4"} {
		m.process(6+i, child).object(id, model.Pipe, &model.PipeDetail{}).wait(model.Wait{PID: 6 + i, Call: "read", Needs: model.NeedsData, Object: id})
	}
	m.process(16, child).wait(model.Wait{PID: 16, Call: "read", Needs: model.NeedsData, Object: "pipe:2"})
	Run(&m.Snapshot, Options{})
	for _, f := range m.Findings {
		if f.Rule != "fd-in-flight" {
			continue
		}
		want := "; the other end of pipe:1, for which p6(6) waits, or the other end of pipe:2, for which p7(7) and p16(16) wait, or " +
			"the other end of pipe:3, for which p8(8) waits, or 1 more, may be among them"
		if !strings.HasSuffix(f.Summary, want) {
			t.Error(f.Summary)
		}
		return
	}
	t.Error("nothing is found")
}

func TestSeveralWhoDoNotReceive(t *testing.T) {
	for want, holders := range map[string][]int32{
		"1 descriptor was sent to unix:1, and p5(5) does not receive it":      {5},
		"1 descriptor was sent to unix:1, and p5(5), p6(6) do not receive it": {5, 6},
	} {
		m := newMachine()
		var list []func(*model.Object)
		for _, pid := range holders {
			m.process(int(pid))
			list = append(list, held(pid))
		}
		m.object("unix:1", model.Unix, &model.UnixDetail{InflightFDs: model.Some[int64](1)}, list...)
		Run(&m.Snapshot, Options{})
		if len(m.Findings) != 1 || m.Findings[0].Summary != want {
			t.Errorf("%+v, want %q", m.Findings, want)
		}
	}
}
