package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ipctop/ipctop/model"
)

// openedFIFO is a FIFO that four processes open for reading: by its path, relative to their working
// directory, relative to a directory that they have open, and by openat2. No process opens it for writing.
const openedFIFO = `
import ctypes, os, struct, sys, time
os.mkfifo("DIR/requests"); os.chdir("DIR"); dir = os.open(".", os.O_RDONLY); pids = []
for how in range(4):
    pid = os.fork(); pids.append(pid)
    if pid == 0:
        if how == 0: os.open("DIR/requests", os.O_RDONLY)
        elif how == 1: os.open("requests", os.O_RDONLY)
        elif how == 2: os.chdir("/"); os.open("requests", os.O_RDONLY, dir_fd=dir)
        else: ctypes.CDLL(None).syscall(437, dir, b"requests", struct.pack("QQQ", 0, 0, 0), ctypes.c_long(24))
time.sleep(0.2); print(*pids, flush=True); time.sleep(1000)
`

// TestFIFOBeingOpened: no process has the FIFO open, but it is shown as one object with its
// path, for which all of them wait.
func TestFIFOBeingOpened(t *testing.T) {
	dir := shortDir(t)
	p := startReal(t, "python3", "-c", strings.ReplaceAll(openedFIFO, "DIR", dir))
	pids := numbers(t, p.line(t))
	f := findingAbout(t, "fifo-open-waits", pids[0], pids[1:]...)
	opens := "opens the FIFO " + dir + "/requests to read"
	if !slices.Equal(f.Victims, sortedInts(pids)) || len(f.Objects) != 1 || !strings.Contains(f.Summary, opens) {
		t.Errorf("%s: victims %v of %v, objects %v", f.Summary, f.Victims, pids, f.Objects)
	}
	// They may be idle readers that wait for work.
	if f.Severity != model.Warning || f.Confidence != model.Possible {
		t.Errorf("%s %s: %s", f.Severity, f.Confidence, f.Summary)
	}
	for _, w := range waitsOf(newScan(t), pids) {
		if len(f.Objects) != 1 || w.Object != f.Objects[0] {
			t.Errorf("%d waits for %q, want %v", w.PID, w.Object, f.Objects)
		}
		if w.Target == nil || w.Target.Path != dir+"/requests" || w.Target.Access != model.Read || !w.Target.Written.IsZero() {
			t.Errorf("%d opens %+v", w.PID, w.Target)
		}
	}
	_, text, _ := run(t, "", "why", f.Objects[0])
	for _, pid := range pids {
		if !strings.Contains(text, fmt.Sprintf("(%d)", pid)) {
			t.Errorf("why %s does not name %d:\n%s", f.Objects[0], pid, text)
		}
	}
}

// TestFIFOBeingWritten: a process that opens a FIFO for writing has something to write, and
// nobody reads it.
func TestFIFOBeingWritten(t *testing.T) {
	dir := shortDir(t)
	p := startReal(t, "bash", "-c", "cd "+dir+" && mkfifo jobs && { echo hello >jobs & echo $!; wait; }")
	pids := numbers(t, p.line(t))
	f := findingAbout(t, "fifo-open-waits", pids[0])
	if f.Severity != model.Warning || f.Confidence != model.Certain || !strings.HasSuffix(f.Summary, " opens the FIFO "+dir+"/jobs to write, and nobody has it open to read") {
		t.Errorf("%s %s: %s", f.Severity, f.Confidence, f.Summary)
	}
	_, text, _ := run(t, "", "why", strconv.Itoa(pids[0]))
	for _, want := range []string{"jobs to write, for ", "→ nobody has it open to read; anyone may open it", "resumes when: somebody opens it to read"} {
		if !strings.Contains(strings.Join(strings.Fields(text), " "), want) {
			t.Errorf("why does not say %q:\n%s", want, text)
		}
	}
}

// commandFIFO reads commands from a FIFO, and has done the first one. It was started long enough
// ago that its start time shows that the FIFO was written to since then.
const commandFIFO = `mkfifo DIR/commands; (while read -r line <DIR/commands; do echo "$line" >DIR/done; done) & reader=$!
sleep 2.5; echo first >DIR/commands; until [ -s DIR/done ]; do sleep 0.1; done; echo $reader; wait`

// fifoInUse has both ends open: its reader waits for data, not for a partner.
const fifoInUse = `
import os, time
os.mkfifo("DIR/f"); reader = os.fork()
if reader == 0: os.read(os.open("DIR/f", os.O_RDONLY), 1)
w = os.open("DIR/f", os.O_WRONLY); time.sleep(0.2); print(reader, os.getpid(), flush=True); time.sleep(1000)
`

var healthyFIFOs = []stuckScript{
	{name: "FIFO in use", argv: []string{"python3", "-c", fifoInUse}},
	{name: "commands from a FIFO", argv: []string{"bash", "-c", commandFIFO}},
}

func sortedInts(list []int) []int {
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}
