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

// smallHeap is how much memory a single snapshot may take before any of it is
// collected.
const smallHeap = 32 << 20

const (
	// repeatedPercent is GOGC for one snapshot after the other: most of their memory lives long,
	// so that little is gained by letting garbage double it.
	repeatedPercent = 25

	// leastGarbage may gather before it is collected, however little is alive. On a machine with
	// few processes each refresh would be followed by a collection otherwise.
	leastGarbage = 16 << 20
)

// repeatedGC sets the garbage collector up for one snapshot after the other. GOGC, where it is
// set, counts before that. The function that it returns is to be called after each snapshot.
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

// percentFor is GOGC for a heap of which so many bytes are alive; 0: that is not known yet. There
// are few values, as each change stops all goroutines.
func percentFor(live uint64) int {
	percent := repeatedPercent
	for live > 0 && percent < 400 && live <= leastGarbage*100/uint64(2*percent) {
		percent *= 2
	}
	return percent
}

// collectLate sets the garbage collector up for one snapshot, which is nearly all live memory.
// A small one is made without collecting anything, a large one to a quarter; from then on
// collecting early avoids garbage on top of it, for a tenth of the time. GOGC and
// GOMEMLIMIT, where they are set, count before that.
func collectLate(procRoot string) {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	room := snapshotRoom(procRoot)
	growInLargePages(max(room, 2*smallHeap))
	// The runtime collects nothing before 4 MiB are taken, at 100 per cent, and in proportion.
	debug.SetGCPercent(max(smallHeap, room/4) >> 22 * 100)
	runtime.AddCleanup(new([64]byte), func(int) { debug.SetGCPercent(50) }, 0) // by the first collection
}

// snapshotRoom is about how many bytes of memory one snapshot of a machine full of processes
// takes, rather too many. What is not used is never touched.
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

const goArena = 64 << 20 // by which a heap grows on processors of 64 bits

// growInLargePages has the heap grow by the large pages of the processor, for so many bytes,
// where the kernel gives them to who asks. To touch 100 MB page by page for the first time takes
// a third of the time of a snapshot on some virtual machines. It reports whether the heap does.
func growInLargePages(bytes int) bool {
	mode, err := os.ReadFile("/sys/kernel/mm/transparent_hugepage/enabled")
	if err != nil || !strings.Contains(string(mode), "[madvise]") {
		return false // they are not there, or come without being asked for
	}
	// A limit of address space ends a Go program that allocates too much. This only fails. What
	// the runtime takes for so much is more, and there must be some left.
	try, err := unix.Mmap(-1, 0, max(bytes, 2*bytes+2*goArena), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil || unix.Munmap(try) != nil {
		return false
	}
	room := make([]byte, bytes)
	if unix.Madvise(room, unix.MADV_HUGEPAGE) != nil {
		return false
	}
	runtime.GC() // frees the room, which nobody has touched: the heap grows there now
	return true
}
