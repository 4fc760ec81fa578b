package posix

import "testing"

// TestBaseOfNumbers gives the numbers of a queue's file values that would be different
// in another base.
func TestBaseOfNumbers(t *testing.T) {
	for text, want := range map[string]state{
		"QSIZE:16         NOTIFY:9     SIGNO:10    NOTIFY_PID:255\n":                 {bytes: 16, notify: 9, signal: 10, registered: 255},
		"QSIZE:2147483648 NOTIFY:1     SIGNO:09    NOTIFY_PID:4194304\n":             {bytes: 1 << 31, notify: 1, signal: 9, registered: 1 << 22},
		"QSIZE:9223372036854775807 NOTIFY:010   SIGNO:64    NOTIFY_PID:2147483647\n": {bytes: 1<<63 - 1, notify: 10, signal: 64, registered: 1<<31 - 1},
	} {
		if got, err := parseState([]byte(text)); err != nil || got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}
