package main

import (
	"bufio"
	"math"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestGrowsInLargePages fills a heap in a separate process, as the heap of the test process
// has grown already.
func TestGrowsInLargePages(t *testing.T) {
	if mode, err := os.ReadFile("/sys/kernel/mm/transparent_hugepage/enabled"); err != nil || !strings.Contains(string(mode), "[madvise]") {
		t.Skipf("large pages are not there for who asks: %q, %v", mode, err)
	}
	if os.Getenv("IPCTOP_TEST_LARGE_PAGES") == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestGrowsInLargePages$", "-test.v")
		cmd.Env = append(os.Environ(), "IPCTOP_TEST_LARGE_PAGES=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	if growInLargePages(math.MaxInt &^ 0xfff) {
		t.Error("room that no address space has was there")
	}
	const room, filled, piece = 192 << 20, 64 << 20, 1 << 10
	withAddressSpace(t, room+room/2, func() {
		if growInLargePages(room) {
			t.Error("room was there that leaves too little")
		}
	})
	if !growInLargePages(room) {
		t.Fatal("the heap does not grow in large pages")
	}
	if now := inLargePages(t); now > room/4 {
		t.Errorf("%d bytes are taken before anything is there", now)
	}
	var pieces [][]byte
	for range filled / piece {
		pieces = append(pieces, make([]byte, piece))
		pieces[len(pieces)-1][0] = 1
	}
	if now := inLargePages(t); now < filled/2 {
		if got := askForLargePages(t, filled); got < filled/2 {
			t.Skipf("the kernel has none left: it gave %d of %d bytes to who asked", got, filled)
		}
		t.Errorf("%d of %d bytes are in large pages", now, filled)
	}
	runtime.KeepAlive(pieces)
}

// askForLargePages allocates memory outside the heap, and returns how many bytes of it are in large pages.
func askForLargePages(t *testing.T, bytes int) int {
	before := inLargePages(t)
	memory, err := unix.Mmap(-1, 0, bytes, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(memory)
	if err := unix.Madvise(memory, unix.MADV_HUGEPAGE); err != nil {
		t.Fatal(err)
	}
	clear(memory)
	return inLargePages(t) - before
}

// withAddressSpace calls f while the address space may grow by the given number of bytes.
func withAddressSpace(t *testing.T, bytes uint64, f func()) {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.ParseUint(strings.Fields(string(text))[0], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	var was unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_AS, &was); err != nil {
		t.Fatal(err)
	}
	now := was
	now.Cur = min(was.Max, pages*uint64(os.Getpagesize())+bytes)
	if err := unix.Setrlimit(unix.RLIMIT_AS, &now); err != nil {
		t.Fatal(err)
	}
	f()
	if err := unix.Setrlimit(unix.RLIMIT_AS, &was); err != nil {
		t.Fatal(err)
	}
}

// inLargePages is how many bytes of this process are in large pages.
func inLargePages(t *testing.T) int {
	f, err := os.Open("/proc/self/smaps_rollup")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if value, found := strings.CutPrefix(s.Text(), "AnonHugePages:"); found {
			n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(value), " kB"))
			if err != nil {
				t.Fatal(err)
			}
			return n << 10
		}
	}
	t.Fatal("smaps_rollup does not tell of large pages")
	return 0
}

// A small heap may double several times before it is collected, a large one only grows by a quarter.
func TestPercentFor(t *testing.T) {
	for _, c := range []struct {
		live uint64
		want int
	}{
		{0, 25}, // unknown
		{1, 400},
		{4 << 20, 400},
		{4<<20 + 1, 200},
		{8 << 20, 200},
		{8<<20 + 1, 100},
		{32 << 20, 50},
		{32<<20 + 1, 25},
		{1 << 40, 25},
		{math.MaxUint64, 25},
	} {
		if got := percentFor(c.live); got != c.want {
			t.Errorf("%d bytes alive: GOGC %d, want %d", c.live, got, c.want)
		}
	}
}
