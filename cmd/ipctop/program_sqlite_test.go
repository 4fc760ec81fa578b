package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
)

// The positions of SQLite's locks in a database file (fileformat2.html, 1.3.2).
const (
	sqliteReserved = 0x40000001
	sqliteShared   = 0x40000002
	sqliteSharedN  = 510
)

// Two writers of a database: one has begun to write, the other waits for that. It waits by
// trying again and again. So the test checks that the lock's owner is shown, that both have
// the file open, and that the other one sleeps.
func TestProgramDatabaseFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	first := startReal(t, "sqlite3", path)
	tell := func(p *program, text string) {
		if _, err := fmt.Fprintln(p.in, text); err != nil {
			t.Fatal(err)
		}
	}
	tell(first, "CREATE TABLE a(b); BEGIN IMMEDIATE; INSERT INTO a VALUES(1); SELECT 'begun';")
	if line := first.line(t); line != "begun" {
		t.Fatalf("the first says %q", line)
	}
	second := startReal(t, "sqlite3", path)
	tell(second, ".timeout 60000\nSELECT 'now';\nBEGIN IMMEDIATE;")
	if line := second.line(t); line != "now" {
		t.Fatalf("the second says %q", line)
	}
	time.Sleep(500 * time.Millisecond)
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		t.Fatal(err)
	}
	snap := newScan(t)

	file := the(t, snap, model.File, "the database", func(o *model.Object) bool { return o.Path == path })
	if file.Ino != model.Big(st.Ino) || file.Detail.(*model.FileDetail).Size != model.Some(st.Size) {
		t.Errorf("file %+v %+v, stat says %+v", file, file.Detail, st)
	}
	heldBy(t, file, model.ViaFD, first.pid, second.pid)
	heldBy(t, file, model.ViaLock, first.pid)
	var got []string
	for _, l := range file.Detail.(*model.FileDetail).Locks {
		got = append(got, fmt.Sprintf("%s %s %d-%d %d %v %v", l.Type, l.Mode, l.Start, l.End.Or(-1), l.PID.Or(-1), l.Holders, l.Blocked))
	}
	want := []string{
		fmt.Sprintf("posix WRITE %d-%d %d [%d] false", sqliteReserved, sqliteReserved, first.pid, first.pid),
		fmt.Sprintf("posix READ %d-%d %d [%d] false", sqliteShared, sqliteShared+sqliteSharedN-1, first.pid, first.pid),
	}
	if !slices.Equal(got, want) {
		t.Errorf("locks %q, want %q", got, want)
	}
	// It sleeps most of the time, and in between tests whether the lock is free.
	sleeps := func() bool {
		return slices.ContainsFunc(snap.Waits, func(w model.Wait) bool { return w.PID == second.pid && w.Needs == "time" })
	}
	for tries := 0; !sleeps() && os.Geteuid() == 0; tries++ {
		if tries == 20 {
			t.Fatalf("the second writer is not shown to sleep: state %s", processOf(t, snap, second.pid).State)
		}
		snap = newScan(t)
	}
}
