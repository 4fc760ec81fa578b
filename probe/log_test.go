package probe

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/ipctop/ipctop/model"
)

// The log reports what each probe did, what it could not read, and where one panicked.
func TestLog(t *testing.T) {
	var text bytes.Buffer
	_, err := NewScanner(Options{
		Log: slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Probes: []Probe{
			{Name: "fine", Table: func(context.Context, NS, *Collector) error { return nil }},
			{Name: "holey", Table: func(_ context.Context, _ NS, out *Collector) error {
				out.Gap(model.Gap{Reason: model.Denied, Op: "look", Detail: "not allowed"})
				return nil
			}},
			{Name: "broken", Table: func(context.Context, NS, *Collector) error { panicHere(); return nil }},
		},
	}).Scan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"probe=fine took=", `probe=holey`, `gaps=1 first="denied: look: not allowed"`, "msg=panic error=boom", "panicHere", "msg=scan number=1",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, text.String())
		}
	}
}

func panicHere() { panic("boom") }
