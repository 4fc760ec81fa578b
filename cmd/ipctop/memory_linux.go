package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/probe"
)

// smallHeap is the heap size below which garbage is not collected during a single snapshot.
const smallHeap = 32 << 20

const (
	// repeatedPercent is GOGC for repeated snapshots: most of their memory lives long,
	// so little is gained by letting garbage double it.
	repeatedPercent = 25

	// leastGarbage is how much garbage may accumulate before a collection, even if the live heap
	// is small. Otherwise each refresh on a machine with few processes would cause a collection.
	leastGarbage = 16 << 20
)

// repeatedGC sets up the garbage collector for repeated snapshots. GOGC, if set, takes
// precedence. The caller calls the returned function after each snapshot.
func repeatedGC() (adjust func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	percent := repeatedPercent
	debug.SetGCPercent(percent)
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	return func() {
		metrics.Read(live)
		if p := percentFor(live[0].Value.Uint64()); p != percent {
			percent = p
			debug.SetGCPercent(percent)
		}
	}
}

// percentFor returns GOGC for this live heap size in bytes; 0: the size is not known yet. It
// returns only few different values, because each change stops all goroutines.
func percentFor(live uint64) int {
	percent := repeatedPercent
	for live > 0 && percent < 400 && live <= leastGarbage*100/uint64(2*percent) {
		percent *= 2
	}
	return percent
}

// collectLate sets up the garbage collector for one snapshot, which is nearly all of the live
// memory. A small snapshot is made without any collection, a large one without a collection
// in its first quarter. From then on, collecting early avoids garbage in addition to it, and costs
// a tenth of the time. GOGC and GOMEMLIMIT, if set, take precedence.
func collectLate(procRoot string) {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	room := snapshotRoom(procRoot)
	growInLargePages(max(room, 2*smallHeap))
	// With GOGC=100 the first collection begins when 4 MiB are allocated; this limit is
	// proportional to GOGC.
	debug.SetGCPercent(max(smallHeap, room/4) >> 22 * 100)
	runtime.AddCleanup(new([64]byte), func(int) { debug.SetGCPercent(50) }, 0) // runs after the first collection
}

// snapshotRoom estimates how many bytes of memory one snapshot of a machine full of processes
// needs. The estimate is rather too high; memory that is not used is never touched.
func snapshotRoom(procRoot string) int {
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) != nil {
		return 0
	}
	return probe.OpenFiles(procRoot)*roomOfFile + int(info.Procs)*roomOfThread
}

const (
	roomOfFile   = 2 << 10
	roomOfThread = 12 << 10
)

const goArena = 64 << 20 // the unit by which a heap grows on 64-bit processors

// growInLargePages makes the next bytes of the heap use the processor's large pages, if the
// kernel provides these on request (madvise). Touching 100 MB for the first time page by page
// takes a third of the time of a snapshot on some virtual machines. It reports whether it succeeded.
func growInLargePages(bytes int) bool {
	mode, err := os.ReadFile("/sys/kernel/mm/transparent_hugepage/enabled")
	if err != nil || !strings.Contains(string(mode), "[madvise]") {
		return false // large pages are not available, or are used without a request
	}
	// With a limit on address space, a Go program that allocates too much is terminated, but
	// this mmap only fails. Its size is larger than bytes, because the runtime reserves more
	// than is allocated, and some address space must be left.
	try, err := unix.Mmap(-1, 0, max(bytes, 2*bytes+2*goArena), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil || unix.Munmap(try) != nil {
		return false
	}
	room := make([]byte, bytes)
	if unix.Madvise(room, unix.MADV_HUGEPAGE) != nil {
		return false
	}
	runtime.GC() // frees room, which was never touched: the heap grows into it from now on
	return true
}
