package fdscan_test

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/fdscan/memory"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

// The count for a mapping is the same as in smaps. Nothing is counted for
// processes without detail.
func TestResident(t *testing.T) {
	page := os.Getpagesize()
	for _, touched := range []int{0, 7, 5000} { // the last number is more than is read at a time
		b, err := unix.Mmap(-1, 0, 6000*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_ANONYMOUS)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Munmap(b)
		_ = unix.Madvise(b, unix.MADV_NOHUGEPAGE)
		for i := range touched {
			b[i*page] = 1
		}
		address := fmt.Sprintf("%p", b)[2:]
		for _, closely := range []bool{false, true} {
			opts := probe.Options{Probes: []probe.Probe{memory.ShmAnon(), memory.Resident()}}
			if closely {
				opts.Detail = func(*model.Snapshot) ([]int, []string) { return []int{os.Getpid()}, nil }
			}
			snap, err := probe.NewScanner(opts).Scan(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			found := false
			for _, o := range snap.Objects {
				for _, h := range o.Holders {
					if int(h.PID) != os.Getpid() || h.Address.String() != "0x"+address {
						continue
					}
					found = true
					rss, ok := h.RSS.Get()
					if ok != closely || ok && (rss != smapsRSS(t, address) || rss != int64(touched*page)) {
						t.Errorf("of %d touched pages %d bytes (%v) are resident, smaps says %d", touched, rss, ok, smapsRSS(t, address))
					}
				}
			}
			if !found {
				t.Errorf("the mapping at %s is not shown", address)
			}
		}
	}
}

// smapsRSS returns what smaps shows for the test's mapping that begins at an address.
func smapsRSS(t *testing.T, address string) int64 {
	t.Helper()
	text, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^0*` + address + `-[^\n]*\n(?:[A-Z][^\n]*\n)*?Rss:\s+(\d+) kB`).FindSubmatch(text)
	if m == nil {
		t.Fatalf("%s is not in smaps", address)
	}
	n, _ := strconv.ParseInt(string(m[1]), 10, 64)
	return n << 10
}
