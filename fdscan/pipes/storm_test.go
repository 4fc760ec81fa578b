package pipes_test

import (
	"bufio"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/fdscan/pipes"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/probe/probetest"
)

// inNewPIDNamespace marks the test program that was started again as the first
// process of a pid namespace.
const inNewPIDNamespace = "IPCTOP_TEST_PID_NAMESPACE"

// stormEnv, if it is set, makes the storms ten times as long; .ci/run sets it.
const stormEnv = "IPCTOP_TEST_STORM"

// TestStorm scans while 1,000 processes begin and end. Each is named after its
// only pipe. If a pipe seems to be held by a process of another pair, or an end
// seems to have the wrong direction, then a reused pid or descriptor was not
// noticed.
func TestStorm(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed: nothing here forks fast enough without it")
	}
	storm(t, python)
}

// TestStormReusingPIDs is the storm in a pid namespace in which the same few
// pids are used again and again.
func TestStormReusingPIDs(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed: nothing here forks fast enough without it")
	}
	if os.Getenv(inNewPIDNamespace) != "" {
		if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
			t.Fatalf("mount proc: %v", err)
		}
		storm(t, python)
		return
	}
	if os.Geteuid() != 0 {
		t.Skip("a new pid namespace needs CAP_SYS_ADMIN")
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestStormReusingPIDs$", "-test.v")
	cmd.Env = append(os.Environ(), inNewPIDNamespace+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID, Unshareflags: syscall.CLONE_NEWNS}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "scans") {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}

// storm goes on until a scan has seen a pair: on a busy machine a scan may take longer
// than the pairs live.
func storm(t *testing.T, python string) {
	scanner := probe.NewScanner(probe.Options{Probes: []probe.Probe{pipes.Pipe()}})
	for seen, end := false, time.Now().Add(2*time.Minute); !seen; seen = stormOnce(t, python, scanner) > 0 {
		if time.Now().After(end) {
			t.Fatal("no scan saw a pipe of the storm")
		}
	}
}

// stormOnce returns how many pipes of the storm its scans saw.
func stormOnce(t *testing.T, python string, scanner *probe.Scanner) (pipes int) {
	pairs := 500
	if os.Getenv(stormEnv) != "" {
		pairs = 5000
	}
	cmd := exec.Command(python, "testdata/storm.py", strconv.Itoa(pairs))
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	if !lines.Scan() || lines.Text() != "begin" {
		t.Fatalf("the storm did not begin: %q", lines.Text())
	}
	done := make(chan bool)
	go func() { done <- lines.Scan() && lines.Text() == "end" }()

	scans, vanished := 0, 0
	for running := true; running; {
		select {
		case ok := <-done:
			if !ok {
				t.Error("the storm did not end well")
			}
			running = false
		default:
		}
		snap := probetest.Again(t, scanner)
		scans++
		for _, o := range snap.Objects {
			if checkStormPipe(t, o) {
				pipes++
			}
		}
		for _, g := range snap.Gaps {
			switch {
			case g.Reason == model.Vanished:
				vanished += g.Count
			case g.Reason == model.Timeout:
				// Tests of other packages hang on purpose; the storm does not.
			case g.Probe == "ofd" && g.Reason == model.Truncated:
				// Tests of other packages often open the same files.
			case g.Op == "list": // said once of every proc file system that hides processes
			case g.Reason != model.Denied:
				t.Errorf("gap %+v", g)
			}
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	t.Logf("%d scans saw %d pipes of the storm; %d processes vanished in mid-read", scans, pipes, vanished)
	return pipes
}

var stormName = regexp.MustCompile(`^([rw])([0-9]+)$`)

// checkStormPipe reports whether o is a pipe of the storm.
func checkStormPipe(t *testing.T, o *model.Object) bool {
	found := false
	for _, h := range o.Holders {
		m := stormName.FindStringSubmatch(h.Comm)
		if m == nil || h.FD.Or(0) <= 2 { // the standard descriptors are inherited
			continue
		}
		// Names are read without a lock (Linux 6.13): while a new name is written
		// over the old one, python3, only as many bytes as that has may be seen.
		if torn := len(h.Comm) == len("python3") && strings.HasPrefix(o.ID, "pipe:"+m[2]); torn && o.ID != "pipe:"+m[2] {
			continue
		}
		if o.ID != "pipe:"+m[2] {
			t.Errorf("%s is held by %s(%d), which has another pipe", o.ID, h.Comm, h.PID)
		}
		found = true
	}
	return found
}
