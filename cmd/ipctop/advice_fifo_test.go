package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// openedFIFO is a FIFO that three processes open for reading: by its path, from their
// working directory, and from a directory that they have open. Nobody opens it for
// writing.
const openedFIFO = `
import os, sys, time
os.mkfifo("DIR/requests"); os.chdir("DIR"); dir = os.open(".", os.O_RDONLY); pids = []
for how in range(3):
    pid = os.fork(); pids.append(pid)
    if pid == 0:
        if how == 0: os.open("DIR/requests", os.O_RDONLY)
        elif how == 1: os.open("requests", os.O_RDONLY)
        else: os.chdir("/"); os.open("requests", os.O_RDONLY, dir_fd=dir)
time.sleep(0.2); print(*pids, flush=True); time.sleep(1000)
`

// TestFIFOBeingOpened: nobody has it open, yet it is one object with its path, for
// which all of them wait.
func TestFIFOBeingOpened(t *testing.T) {
	p := startReal(t, "python3", "-c", strings.ReplaceAll(openedFIFO, "DIR", shortDir(t)))
	pids := numbers(t, p.line(t))
	f := findingAbout(t, "fifo-open-waits", pids[0], pids[1:]...)
	if !slices.Equal(f.Victims, sortedInts(pids)) || len(f.Objects) != 1 || !strings.Contains(f.Summary, "/requests") {
		t.Errorf("%s: victims %v of %v, objects %v", f.Summary, f.Victims, pids, f.Objects)
	}
	for _, w := range waitsOf(newScan(t), pids) {
		if len(f.Objects) != 1 || w.Object != f.Objects[0] {
			t.Errorf("%d waits for %q, want %v", w.PID, w.Object, f.Objects)
		}
	}
	_, text, _ := run(t, "", "why", f.Objects[0])
	for _, pid := range pids {
		if !strings.Contains(text, fmt.Sprintf("(%d)", pid)) {
			t.Errorf("why %s does not name %d:\n%s", f.Objects[0], pid, text)
		}
	}
}

// fifoInUse has both ends open: its reader waits for data, not for a partner.
const fifoInUse = `
import os, time
os.mkfifo("DIR/f"); reader = os.fork()
if reader == 0: os.read(os.open("DIR/f", os.O_RDONLY), 1)
w = os.open("DIR/f", os.O_WRONLY); time.sleep(0.2); print(reader, os.getpid(), flush=True); time.sleep(1000)
`

var healthyFIFOs = []stuckScript{{name: "FIFO in use", argv: []string{"python3", "-c", fifoInUse}}}

func sortedInts(list []int) []int {
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}
