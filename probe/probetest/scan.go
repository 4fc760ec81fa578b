package probetest

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/proc"
)

// Scan takes a snapshot of the machine with these probes alone.
func Scan(t testing.TB, probes ...probe.Probe) *model.Snapshot {
	t.Helper()
	return ScanWith(t, probe.Options{Probes: probes})
}

// ScanWith takes one snapshot of the machine.
func ScanWith(t testing.TB, o probe.Options) *model.Snapshot {
	t.Helper()
	return Again(t, probe.NewScanner(o))
}

// Again takes another snapshot with the same scanner.
func Again(t testing.TB, scanner *probe.Scanner) *model.Snapshot {
	t.Helper()
	s, err := scanner.Scan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Find returns an object of a snapshot by its id, nil if it is not there.
func Find(s *model.Snapshot, id string) *model.Object {
	for i := range s.Objects {
		if s.Objects[i].ID == id {
			return s.Objects[i]
		}
	}
	return nil
}

// Object returns an object of a snapshot by its id; without it the test ends.
func Object(t testing.TB, s *model.Snapshot, id string) *model.Object {
	t.Helper()
	o := Find(s, id)
	if o == nil {
		t.Fatalf("no %s among %d objects; gaps %+v", id, len(s.Objects), s.Gaps)
	}
	return o
}

// LocksUnknown reports whether no semaphore's value could be read because the table of
// locks was never the same twice, as can happen while tests of other packages lock a lot.
func LocksUnknown(s *model.Snapshot) bool {
	return slices.ContainsFunc(s.Gaps, func(g model.Gap) bool {
		return g.Probe == "posix-sem" && strings.Contains(g.Detail, "kept changing")
	})
}

// FileID returns the identity of an open file in the form that ids have: MAJOR:MINOR:INODE.
func FileID(t testing.TB, fd int) string {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d:%d:%d", unix.Major(uint64(st.Dev)), unix.Minor(uint64(st.Dev)), st.Ino)
}

// NeedRoot skips a test that needs privileges; why says for what.
func NeedRoot(t testing.TB, why string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip(why)
	}
}

// Main runs the tests of a package and returns the exit status. It is not 0 if a scan has
// left directories or files of /proc open. What an abandoned scan had open is closed when
// the call returns that took too long.
func Main(m *testing.M) int {
	status := m.Run()
	for deadline := time.Now().Add(10 * time.Second); proc.Open() != 0 && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	if n := proc.Open(); n != 0 {
		fmt.Fprintf(os.Stderr, "%d directories or files of /proc were not closed\n", n)
		return max(status, 1)
	}
	return status
}
