package tracer

import (
	"strings"
	"testing"

	"github.com/ipctop/ipctop/trace"
)

// TestSaysLease finds a lease in what a descriptor's fdinfo says.
func TestSaysLease(t *testing.T) {
	const rest = "pos:\t0\nflags:\t0100000\nmnt_id:\t30\nino:\t9977940\n"
	for text, want := range map[string]bool{
		"":   false,
		rest: false,
		rest + "lock:\t1: LEASE  ACTIVE    READ 42944 fe:00:9977940 0 EOF\n":  true,
		rest + "lock:\t1: LEASE  ACTIVE    WRITE 42944 fe:00:9977940 0 EOF\n": false,
		rest + "lock:\t1: LEASE  BREAKING  UNLCK 42944 fe:00:9977940 0 EOF\n": true,
		rest + "lock:\t1: LEASE  ACTIVE    READ 42944 fe:00:977940 0 EOF\n":   false,
		rest + "lock:\t1: FLOCK  ADVISORY  READ 42944 fe:00:9977940 0 EOF\n":  false,
		rest + "lock:\t1: LEASE\n": false,
	} {
		e := &trace.Event{Object: "file:254:0:9977940", Lock: &trace.Lock{Kind: "lease", Mode: trace.LockRead}}
		if got := saysLease([]byte(text), e); got != want {
			t.Errorf("%q: %v", text, got)
		}
		// If the process had a lease before, in another mode, fdinfo shows only the mode
		// that the lease is to get.
		e.Before = trace.LockWrite
		if got := saysLease([]byte(text), e); got != (want && !strings.Contains(text, "BREAKING")) {
			t.Errorf("%q: %v, before which it had another", text, got)
		}
	}
}
