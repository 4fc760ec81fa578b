package main

import (
	"runtime/debug"
	"strings"
	"testing"
)

func TestVersionIsWhatWasRecorded(t *testing.T) {
	for recorded, want := range map[string]string{
		"v1.2.3": "v1.2.3",
		"v0.0.0-20250301120000-0123456789ab+dirty": "v0.0.0-20250301120000-0123456789ab+dirty",
		"(devel)": "unknown",
		"":        "unknown",
	} {
		got := recordedVersion(&debug.BuildInfo{Main: debug.Module{Version: recorded}})
		if !strings.HasPrefix(got, want) || strings.Contains(got, "devel") {
			t.Errorf("recorded as %q: %q, want %q", recorded, got, want)
		}
	}
	if status, stdout, _ := run(t, "", "version"); status != exitOK || strings.Contains(stdout, "devel") {
		t.Errorf("ipctop version: status %d, %q", status, stdout)
	}
}
