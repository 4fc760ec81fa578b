package proc

import (
	"testing"

	"golang.org/x/sys/unix"
)

// The main thread outlives every goroutine: it would never leave a namespace that it entered.
func TestOnThreadSparesTheMainThread(t *testing.T) {
	for range 200 {
		OnThread(func() {
			if unix.Gettid() == unix.Getpid() {
				t.Error("f runs on the main thread")
			}
		})
	}
}
