package probetest

import (
	"maps"
	"slices"
	"testing"
	"time"
)

// Persistent runs a comparison several times, and reports the differences that are found
// every time: something that other programs change between two readings, and back again,
// differs only once. compare returns the differences by what they are about.
func Persistent(t *testing.T, compare func() map[string]string) {
	t.Helper()
	const times = 10
	left := compare()
	for range times - 1 {
		if len(left) == 0 {
			return
		}
		time.Sleep(20 * time.Millisecond)
		again := compare()
		maps.DeleteFunc(left, func(about, _ string) bool { _, still := again[about]; return !still })
	}
	for _, about := range slices.Sorted(maps.Keys(left)) {
		t.Errorf("%s: %s", about, left[about])
	}
}
