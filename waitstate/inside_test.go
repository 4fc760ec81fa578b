package waitstate

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

// TestLivesInside looks for numbers that threads have in their pid namespaces.
func TestLivesInside(t *testing.T) {
	root := t.TempDir()
	thread := func(pid, tid int, state, numbers string) {
		dir := filepath.Join(root, fmt.Sprint(pid), "task", fmt.Sprint(tid))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "status"), []byte("Name:\tx\nState:\t"+state+"\nNSpid:\t"+numbers+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	process := func(pid int, ns uint64, numbers ...int) *model.Process {
		return &model.Process{PID: pid, Namespaces: map[string]uint64{"pid": ns}, NSPIDs: numbers}
	}
	const own, first, second, unreadable = 1, 2, 3, 4
	newPass := func() *pass {
		return &pass{j: &probe.Index{Scan: &probe.Scan{ProcRoot: root}, Processes: map[int32]*model.Process{
			10: process(10, own), 20: process(20, first, 20, 7), 30: process(30, second, 30, 8), 40: process(40, unreadable, 40, 1),
		}}}
	}
	thread(10, 10, "S (sleeping)", "10")
	thread(20, 20, "S (sleeping)", "20\t7")
	thread(20, 21, "R (running)", "21\t2147483647")
	thread(20, 22, "Z (zombie)", "22\t9")
	thread(20, 23, "X (dead)", "23\t11")
	thread(30, 30, "S (sleeping)", "30\t8")
	thread(50, 50, "S (sleeping)", "50\t60\t12") // it began after the scan
	if err := os.MkdirAll(filepath.Join(root, "40", "task", "40", "status"), 0o755); err != nil {
		t.Fatal(err) // reading it fails
	}
	r := newPass()
	for _, test := range []struct {
		name         string
		ns           uint64
		number       int
		lives, known bool
	}{
		{"a main thread", first, 7, true, true},
		{"another thread", first, 2147483647, true, true},
		{"a zombie", first, 9, false, true},
		{"a dead thread", first, 11, false, true},
		{"a number outside", first, 20, false, true},
		{"a number of the own namespace", first, 10, false, true},
		{"of another namespace", first, 8, false, true},
		{"there it lives", second, 8, true, true},
		{"of a process that is new", second, 12, true, true},
		{"nobody", first, 0, false, true},
		{"of an unreadable process", unreadable, 1, false, false},
		{"of an unreadable process, again", unreadable, 5, false, false},
		{"a namespace without processes", 99, 7, false, true},
	} {
		if lives, known := r.livesInside(test.ns, test.number); lives != test.lives || known != test.known {
			t.Errorf("%s: lives %v, known %v", test.name, lives, known)
		}
	}
	root = filepath.Join(root, "missing")
	r = newPass()
	for range 2 {
		if lives, known := r.livesInside(first, 7); lives || known {
			t.Errorf("without a proc file system: lives %v, known %v", lives, known)
		}
	}
}
