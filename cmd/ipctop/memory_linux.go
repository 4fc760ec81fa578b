package main

import (
	"math"
	"os"
	"runtime"
	"runtime/debug"
)

// smallHeap is how much memory a single snapshot may take before any of it is
// collected.
const smallHeap = 32 << 20

// collectSooner sets the garbage collector up for one snapshot after the other: what lives long
// is most of it, so that little is gained by letting garbage double it. GOGC, where it is set,
// counts before that.
func collectSooner() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(25)
	}
}

// collectLate sets the garbage collector up for one snapshot, which is nearly all
// live memory. A small one is made without collecting anything; of a large one
// collecting early avoids garbage on top of it, for a few per cent of
// time. GOGC and GOMEMLIMIT, where they are set, count before that.
func collectLate() {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(smallHeap)
	// The first collection, which the limit brings about, takes the limit away: what
	// is live alone may be more than that.
	runtime.AddCleanup(new([64]byte), func(int) {
		debug.SetGCPercent(25)
		debug.SetMemoryLimit(math.MaxInt64)
	}, 0)
}
