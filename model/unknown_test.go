package model

import (
	"bytes"
	"strings"
	"testing"
)

// TestUnknownIsNotEmpty: unknown must stay different from known to be empty, also after a
// dump was written and read.
func TestUnknownIsNotEmpty(t *testing.T) {
	s := &Snapshot{
		Schema:    Schema,
		Processes: []*Process{{PID: 1, Signals: &Signals{Blocked: []string{}, Ignored: []string{"SIGPIPE"}}}},
		Objects: []*Object{
			{ID: "posix-mq:0:19:1", Kind: PosixMq, Detail: &PosixMqDetail{Notify: &MqNotify{}, Messages: Some[int64](0)}},
			{ID: "posix-mq:0:19:2", Kind: PosixMq, Detail: &PosixMqDetail{}},
			{ID: "posix-mq:0:19:3", Kind: PosixMq, Detail: &PosixMqDetail{Notify: &MqNotify{PID: Some(7), Method: "none"}}},
		},
	}
	var b bytes.Buffer
	if err := Encode(&b, s); err != nil {
		t.Fatal(err)
	}
	if text := b.String(); strings.Contains(text, "shared_pending") || !strings.Contains(text, `"blocked":[]`) || !strings.Contains(text, `"notify":{}`) {
		t.Errorf("%s", text)
	}
	back, err := Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	sig := back.Processes[0].Signals
	if sig.Blocked == nil || sig.Caught != nil || len(sig.Ignored) != 1 {
		t.Errorf("signals %+v", sig)
	}
	for i, want := range []bool{true, false, true} {
		d := back.Objects[i].Detail.(*PosixMqDetail)
		if (d.Notify != nil) != want {
			t.Errorf("%s: notify %+v", back.Objects[i].ID, d.Notify)
		}
	}
	if d := back.Objects[2].Detail.(*PosixMqDetail); *d.Notify != (MqNotify{PID: Some(7), Method: "none"}) {
		t.Errorf("notify %+v", d.Notify)
	}
}
