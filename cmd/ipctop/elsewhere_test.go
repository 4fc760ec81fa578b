package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
)

// outsideLocks are waits, in a pid namespace, for locks that processes outside hold, by file,
// and what ipctop says about them inside. IPCTOP is the program.
const outsideLocks = `cd DIR
python3 -c 'import fcntl; fcntl.flock(open("flock", "w"), fcntl.LOCK_EX)' & one=$!
python3 -c 'import fcntl; fcntl.lockf(open("posix", "w"), fcntl.LOCK_EX)' & two=$!
python3 -c 'import fcntl, struct; fcntl.fcntl(open("ofd", "w"), 38, struct.pack("hhqqi", 1, 0, 0, 0, 0))' & three=$!
python3 -c 'import time; f = open("flock"); g = open("free"); time.sleep(1000)' &
(exec 9>idiom; flock 9; exec sleep 1000) & five=$!
until [ -e idiom ] && ! flock -n idiom true; do sleep 0.1; done
flock idiom true & six=$!
for i in {1..60}; do sleep 1; IPCTOP check --json >check; [ $(grep -o '"rule":"lock-wait"' check | wc -l) = 4 ] && break; done; echo $five $six >pids
IPCTOP why >why; IPCTOP why $one >why-flock; IPCTOP why $two >why-posix; IPCTOP why $three >why-ofd; IPCTOP why DIR/flock >why-path; exit 0
`

// TestLocksOfOutside lets processes of a pid namespace wait for locks of a process outside.
// Inside, the kernel does not list these locks.
func TestLocksOfOutside(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("python3 is not installed")
	}
	dir := shortDir(t)
	open := func(name string) *os.File {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	if err := unix.Flock(int(open("flock").Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	whole := unix.Flock_t{Type: unix.F_WRLCK}
	for name, command := range map[string]int{"posix": unix.F_SETLK, "ofd": unix.F_OFD_SETLK} {
		if err := unix.FcntlFlock(open(name).Fd(), command, &whole); err != nil {
			t.Fatal(err)
		}
	}
	open("free")
	script := strings.NewReplacer("DIR", dir, "IPCTOP", testProgram(t)).Replace(outsideLocks)
	unshare := []string{"-pf", "--mount-proc", "--kill-child"}
	if err := exec.CommandContext(t.Context(), "unshare", append(unshare, "true")...).Run(); err != nil {
		t.Skipf("no pid namespace can be made here: %v", err)
	}
	cmd := exec.CommandContext(t.Context(), "unshare", append(unshare, "bash", "-c", script)...)
	cmd.Env = append(os.Environ(), mainEnv+"=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v, %s", err, out)
	}
	read := func(name string) string {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	var check struct{ Findings []model.Finding }
	if err := json.Unmarshal([]byte(read("check")), &check); err != nil {
		t.Fatal(err)
	}
	const unseen = "the lock is held by a process that is not visible from here"
	found := map[string]bool{}
	holds := numbers(t, strings.TrimSpace(read("pids")))
	for _, f := range check.Findings {
		// flock(1) took the lock for the script, and has ended.
		if f.Rule == "lock-wait" && strings.Contains(f.Summary, filepath.Join(dir, "idiom")) {
			found["idiom"] = f.Root != nil && f.Root.PID == holds[0] && slices.Equal(f.Victims, holds[1:])
		}
		if f.Rule == "lock-wait" && f.Confidence == model.Likely && strings.Contains(f.Summary, unseen) {
			for _, name := range []string{"flock", "posix", "ofd"} {
				found[name] = found[name] || strings.Contains(f.Summary, filepath.Join(dir, name))
			}
		}
	}
	if !found["idiom"] {
		t.Errorf("check does not report who holds a lock that flock(1) has made: %+v", check.Findings)
	}
	for _, name := range []string{"flock", "posix", "ofd"} {
		if !found[name] {
			t.Errorf("check does not report the lock on %s", name)
		}
		text := strings.Join(strings.Fields(read("why-"+name)), " ")
		if want := fmt.Sprintf("wants exclusive %s lock on %s", name, filepath.Join(dir, name)); !strings.Contains(text, want) || !strings.Contains(text, unseen) {
			t.Errorf("why of who waits for %s: no %q in\n%s", name, want, text)
		}
	}
	if text := read("why"); strings.Contains(text, "Nothing is stuck") || strings.Count(text, "lock-wait: ") != 4 {
		t.Errorf("why says\n%s", text)
	}
	if text := strings.Join(strings.Fields(read("why-path")), " "); !strings.Contains(text, unseen) {
		t.Errorf("why of the path says\n%s", text)
	}
}
