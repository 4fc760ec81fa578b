package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ipctop/ipctop/model"
)

// lockProgram holds locks of every type on the files of a directory, and waits for them in
// a child. It says "ready" and ends with its input.
const lockProgram = `
import fcntl, os, struct, sys, threading, time
OFD_SETLK, OFD_SETLKW, SETLEASE = 37, 38, 1024
def new(kind, n):
    f = open("%s/%s%d" % (sys.argv[1], kind, n), "w+")
    f.write("x" * 100 * (n + 1)); f.flush()
    return f
def again(f): return open(f.name, "r+")
def ofd(f, call, type, start, length): fcntl.fcntl(f, call, struct.pack("hhqqi", type, os.SEEK_SET, start, length, 0))
posix, flock, own, lease = ([new(kind, n) for n in range(15)] for kind in ("posix", "flock", "ofd", "lease"))
for n in range(15):
    fcntl.lockf(posix[n], fcntl.LOCK_EX, 10, 7 * n)
    fcntl.lockf(posix[n], fcntl.LOCK_SH, 0, 5000 + n)
    fcntl.flock(flock[n], fcntl.LOCK_SH if n % 2 else fcntl.LOCK_EX)
    ofd(own[n], OFD_SETLK, fcntl.F_RDLCK, n, 10)
    ofd(own[n], OFD_SETLK, fcntl.F_WRLCK, 5000, 0)
    fcntl.fcntl(lease[n], SETLEASE, fcntl.F_WRLCK)
if os.fork() == 0:
    waits = []
    for n in range(15):
        p, f, o = again(posix[n]), again(flock[n]), again(own[n])
        waits += [(fcntl.lockf, p, fcntl.LOCK_EX), (fcntl.flock, f, fcntl.LOCK_EX), (ofd, o, OFD_SETLKW, fcntl.F_WRLCK, n, 1)]
    for call, *args in waits:
        threading.Thread(target=call, args=args, daemon=True).start()
    time.sleep(0.5)
    print("ready", flush=True)
    sys.stdin.read()
    os._exit(0)
sys.stdin.read()
`

// startProgram starts a Python program that says "ready" on its first line and
// ends with its input.
func startProgram(t *testing.T, program string, args ...string) *exec.Cmd {
	t.Helper()
	cmd, _, out := startPython(t, program, args...)
	if line, _ := out.ReadString('\n'); line != "ready\n" {
		t.Fatalf("the program says %q", line)
	}
	return cmd
}

// startPython starts a Python program that ends with its input.
func startPython(t *testing.T, program string, args ...string) (*exec.Cmd, io.Writer, *bufio.Reader) {
	t.Helper()
	cmd := exec.Command("python3", append([]string{"-c", program}, args...)...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() {
		in.Close()
		_ = cmd.Wait()
	})
	return cmd, in, bufio.NewReader(out)
}

// TestReferenceLocks compares the locks on files with /proc/locks and lslocks.
func TestReferenceLocks(t *testing.T) {
	h := comparison{
		tools: []string{"lslocks", "python3"},
		read: func(t *testing.T, f facts) {
			readLockTable(t, f)
			readLslocks(t, f)
		},
		own:      ownLocks,
		agree:    agreeOnLocks,
		mustHave: []string{"locks", "lslocks"},
		atLeast:  230, // 9 lines of each of 15 files, from two tools, less the lines that they merge
	}
	h.need(t)
	startProgram(t, lockProgram, t.TempDir())
	h.compare(t)
}

// lockSaid is the statement about a lock. "?" means that the reference tool does not know.
func lockSaid(size, path, comm, blockers string) string {
	return strings.Join([]string{size, path, comm, blockers}, "|")
}

func agreeOnLocks(reference, own string) bool {
	w, o := strings.Split(reference, "; "), strings.Split(own, "; ")
	if len(w) != len(o) {
		return false
	}
	for i := range w {
		a, b := strings.Split(w[i], "|"), strings.Split(o[i], "|")
		if len(a) != 4 || len(b) != 4 {
			return false
		}
		// The kernel names one of the conflicting owners, ipctop names all.
		if a[3] != "?" && !slices.Contains(strings.Fields(b[3]), a[3]) {
			return false
		}
		for k := range 3 {
			if a[k] != "?" && a[k] != b[k] {
				return false
			}
		}
	}
	return true
}

// readLockTable reads the kernel's table: "locks TYPE MODE PID DEV:INO START END".
func readLockTable(t *testing.T, f facts) {
	text, err := os.ReadFile("/proc/locks")
	if err != nil {
		t.Fatal(err)
	}
	holder := "?" // the owner of the lock that the following lines wait for
	for line := range strings.Lines(string(text)) {
		w := strings.Fields(line)
		waits := ""
		if w[1] == "->" {
			waits, w = "*", slices.Delete(w, 1, 2)
		}
		var major, minor, ino uint64
		if _, err := fmt.Sscanf(w[5], "%x:%x:%d", &major, &minor, &ino); err != nil {
			t.Fatalf("/proc/locks: %q: %v", line, err)
		}
		blocker := "?"
		if waits == "" {
			holder = w[4]
		} else {
			blocker = holder
		}
		f.add(fmt.Sprintf("locks %s %s%s %s %d:%d:%d %s %s", w[1], w[3], waits, w[4], major, minor, ino, w[6], w[7]),
			lockSaid("?", "?", "?", blocker))
	}
}

// readLslocks reads the same from lslocks, and also path, size and command.
func readLslocks(t *testing.T, f facts) {
	for _, r := range table(t, "lslocks", "-b", "-J", "-o", "COMMAND,PID,TYPE,SIZE,INODE,MAJ:MIN,MODE,START,END,PATH,BLOCKER") {
		end := r.text("end")
		if end == "0" { // a lock of only the first byte looks the same
			end = "EOF"
		}
		size, path, comm, blocker := r.text("size"), r.text("path"), r.text("command"), r.text("blocker")
		if strings.HasSuffix(path, "...") { // lslocks knows only the mount
			size, path = "?", "?"
		}
		if size == "" { // also of an empty file
			size = "?"
		}
		if strings.HasPrefix(comm, "(un") {
			comm = "?"
		}
		if blocker == "" {
			blocker = "?"
		}
		f.add(fmt.Sprintf("lslocks %s %s %s %s:%s %s %s", r.text("type"), r.text("mode"), r.text("pid"), r.text("maj:min"), r.text("inode"),
			r.text("start"), end), lockSaid(size, path, comm, blocker))
	}
}

// ownLocks makes the same rows from a snapshot.
func ownLocks(snap *model.Snapshot) facts {
	comms := map[int]string{}
	for i := range snap.Processes {
		comms[snap.Processes[i].PID] = snap.Processes[i].Comm
	}
	types := map[string]string{"posix": "POSIX", "ofd": "OFDLCK", "flock": "FLOCK", "lease": "LEASE"}
	f := facts{}
	for i := range snap.Objects {
		o := snap.Objects[i]
		locks, size := locksOf(o)
		path := o.Path
		if o.Deleted {
			path += " (deleted)"
		}
		for _, l := range locks {
			mode, end := l.Mode, "EOF"
			if l.Blocked {
				mode += "*"
			}
			if n, ok := l.End.Get(); ok {
				end = strconv.FormatInt(n, 10)
			}
			var blockers []string
			for _, on := range l.BlockedOn {
				blockers = append(blockers, strconv.Itoa(locks[on].PID.Or(-1)))
			}
			pid := l.PID.Or(-1)
			said := lockSaid(size, path, comms[pid], strings.Join(blockers, " "))
			f.add(fmt.Sprintf("locks %s %s %d %s:%d %d %s", types[l.Type], mode, pid, o.Dev, o.Ino, l.Start, end), said)
			if end == "0" {
				end = "EOF"
			}
			f.add(fmt.Sprintf("lslocks %s %s %d %s:%d %d %s", types[l.Type], mode, pid, o.Dev, o.Ino, l.Start, end), said)
		}
	}
	return f
}

// locksOf are the locks on an object, and its size.
func locksOf(o *model.Object) ([]model.Lock, string) {
	switch d := o.Detail.(type) {
	case *model.FileDetail:
		return d.Locks, strconv.FormatInt(d.Size.Or(-1), 10)
	case *model.MemoryDetail:
		return d.Locks, strconv.FormatInt(d.Size.Or(-1), 10)
	}
	return nil, ""
}
