package render

import (
	"strings"
	"testing"
	"time"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/trace"
)

// TestWhySaysWhoWoke: why says who ended the earlier waits of a waiting thread, and how long
// these lasted, if that was traced.
func TestWhySaysWhoWoke(t *testing.T) {
	s := whySnapshot()
	at := s.Taken.Add(-192500 * time.Millisecond)
	for _, test := range []struct {
		wakeups model.Wakeups
		want    string // nothing: no such line
	}{
		{
			model.Wakeups{Count: 412, Usual: 3072 * 1000, Last: at, WokenBy: trace.WokenByProcess, PID: 4188, TID: 4188, Comm: "pager"},
			"last woken by pager(4188) 3m12s ago; its waits in write last 3.1ms as a rule (412 seen)",
		},
		{
			model.Wakeups{Count: 1, Waited: 48e9, Usual: 51e9, Last: at, WokenBy: trace.WokenByProcess, PID: 4121, TID: 4130, Comm: "writer"},
			"last woken by its own thread 4130 3m12s ago; that wait in write lasted 48s (the only one seen)",
		},
		{model.Wakeups{Count: 2, Usual: 1536, Last: at, WokenBy: trace.WokenByTimer}, "last woken by a timer 3m12s ago; its waits in write last 1.5µs as a rule (2 seen)"},
		{model.Wakeups{Count: 2, Last: at, WokenBy: trace.WokenByDevice}, "last woken by a device 3m12s ago"},
		{model.Wakeups{Count: 2, Last: at, WokenBy: trace.WokenByPackets}, "last woken by packets 3m12s ago"},
		{model.Wakeups{Count: 2, Last: at, WokenBy: trace.WokenByPackets, PID: 9, Comm: "nginx"}, "last woken by packets, probably of nginx(9), 3m12s ago"},
		{model.Wakeups{Count: 2, Last: at, WokenBy: trace.WokenByProcess}, "last woken by the kernel 3m12s ago"},
		{model.Wakeups{Count: 2, Last: at, WokenBy: trace.WokenByProcess, Comm: "evil\x1b[2J"}, `last woken by evil\x1b[2J(outside) 3m12s ago`},
		{model.Wakeups{}, ""},
	} {
		for i := range s.Waits {
			if s.Waits[i].Wakeups = nil; s.Waits[i].PID == 4121 {
				s.Waits[i].Wakeups = &test.wakeups
			}
		}
		text := whyText80(t, s, Options{Width: Unwrapped}, "911")
		if test.want == "" && strings.Contains(text, "woken") || !strings.Contains(text, test.want) {
			t.Errorf("%+v: no %q in\n%s", test.wakeups, test.want, text)
		}
	}
}
