package model

import (
	"slices"
	"strings"
	"testing"
)

func TestEveryFieldIsDocumented(t *testing.T) {
	for _, f := range Fields() {
		if f.Doc == "" {
			t.Errorf("%s (kinds %v) has no doc", f.Path, f.Kinds)
		}
		if strings.HasSuffix(f.Name(), "_ns") && f.Unit != "ns" {
			t.Errorf("%s has unit %q, want ns", f.Path, f.Unit)
		}
		if strings.HasSuffix(f.Name(), exactSuffix) {
			t.Errorf("%s has a name that belongs to the exact bytes of another", f.Path)
		}
	}
}

func TestFieldsWalkEverything(t *testing.T) {
	want := map[string]string{
		"schema":                  "string",
		"objects.holders.ofd":     "string",
		"objects.holders.rss":     "integer",
		"objects.ino":             "string of decimal digits",
		"objects.fill":            "number",
		"objects.detail.queued":   "integer",
		"gaps.reason":             "string",
		"waits.clauses":           "list of lists of integers",
		"processes.container.pod": "string",
		"scan.probes.duration_ns": "integer",
		"processes.start_time":    "time (RFC 3339)",
		"objects.detail.sems":     "list of objects",
	}
	fields := Fields()
	for path, typ := range want {
		i := slices.IndexFunc(fields, func(f FieldInfo) bool { return f.Path == path })
		if i < 0 {
			t.Errorf("no field %s", path)
		} else if fields[i].Type != typ {
			t.Errorf("%s has type %q, want %q", path, fields[i].Type, typ)
		}
	}
}

func TestDetailFields(t *testing.T) {
	var names []string
	for _, f := range DetailFields(FIFO) {
		names = append(names, f.Name())
	}
	if want := []string{"queued", "capacity", "readers", "writers"}; !slices.Equal(names, want) {
		t.Errorf("fields of a FIFO's detail: %v, want %v", names, want)
	}
}

func TestValuesLeaveOutTheUnknown(t *testing.T) {
	var got []string
	for _, v := range Values(&PipeDetail{Queued: Some[int64](0)}) {
		if n, ok := v.Value.(int64); ok && n == 0 {
			got = append(got, v.Name())
		}
	}
	if !slices.Equal(got, []string{"queued"}) {
		t.Errorf("got %v, want the known zero alone", got)
	}
	h := Holder{PID: 7, Via: ViaFD, FD: Some[int32](3), LockHold: &LockHold{LockMode: "READ"}}
	got = nil
	for _, v := range Values(&h) {
		got = append(got, v.Name())
	}
	if want := []string{"pid", "via", "fd", "lock_mode"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestEveryReasonIsDescribed(t *testing.T) {
	for _, r := range []Reason{Denied, Vanished, Unsupported, Malformed, Truncated, Timeout, Other} {
		if !slices.ContainsFunc(Reasons(), func(i ReasonInfo) bool { return i.Name == r && i.Doc != "" }) {
			t.Errorf("reason %q is not described", r)
		}
	}
}
