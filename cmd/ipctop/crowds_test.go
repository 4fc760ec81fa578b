package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
)

// crowds are objects of which any user can make very many.
var crowds = []struct {
	name        string
	small, full int
	start       func(t *testing.T, n int) (pid int)
}{
	{"network namespaces", 40, 2000, func(t *testing.T, n int) int { return startNamespaces(t, n).Process.Pid }},
	{"processes", 300, 10000, startProcesses},
	{"locks", 2000, 20000, func(t *testing.T, n int) int { return startCrowd(t, "locks", n, t.TempDir()).Process.Pid }},
	{"watches", 2000, 19000, func(t *testing.T, n int) int { return startCrowd(t, "watches", n, "-").Process.Pid }},
	{"descriptors in flight", 100, 500, func(t *testing.T, n int) int { return startCrowd(t, "flight", n, "-").Process.Pid }},
}

// startProcesses starts a shell with n children that read from its input and end with it.
func startProcesses(t *testing.T, n int) int {
	t.Helper()
	cmd := exec.Command("sh", "-c", `exec 3<&0; i=0; while [ $i -lt `+strconv.Itoa(n)+` ]; do (read x <&3) & i=$((i+1)); done; echo ready; read x <&3; wait`)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); _ = cmd.Wait() })
	if line, _ := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Skipf("%d processes cannot be made here", n)
	}
	return cmd.Process.Pid
}

// While there are very many objects of one sort, with and without a limit on ipctop's threads,
// every command succeeds with few threads and shows the crowd itself and another process's pipe.
func TestCrowds(t *testing.T) {
	for _, c := range crowds {
		t.Run(c.name, func(t *testing.T) {
			var pipe [2]int
			if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
				t.Fatal(err)
			}
			defer unix.Close(pipe[0])
			defer unix.Close(pipe[1])
			var st unix.Stat_t
			if err := unix.Fstat(pipe[0], &st); err != nil {
				t.Fatal(err)
			}
			witness := fmt.Sprintf("pipe:%d", st.Ino)
			pid := c.start(t, crowdSize(c.small, c.full))
			free := sees(t, "", pid, witness)
			if free == 0 {
				t.Fatal("nothing of the crowd is seen")
			}
			t.Run("few threads allowed", func(t *testing.T) {
				if n := sees(t, pidsGroup(t, 60), pid, witness); n < free {
					t.Errorf("%d of the crowd are seen, %d without the limit", n, free)
				}
			})
		})
	}
}

// sees runs the commands, in a control group if one is given, and returns how many objects
// and children of a process a dump shows.
func sees(t *testing.T, group string, pid int, witness string) (n int) {
	t.Helper()
	commands := [][]string{{"dump", "--json"}, {"check"}, {"why"}, {"show", strconv.Itoa(pid)}}
	switch {
	case os.Getenv(stormEnv) != "":
	case group == "":
		commands = commands[:1]
	default:
		commands = commands[:2]
	}
	for _, args := range commands {
		begin := time.Now()
		status, out, stderr, threads := runIn(t, group, args...)
		t.Logf("%v %s: %v, %d threads", args, group, time.Since(begin).Round(10*time.Millisecond), threads)
		if status != exitOK && (status != exitFindings || args[0] != "check") {
			t.Errorf("%v: status %d, %.300s", args, status, stderr)
		}
		if threads >= 40 {
			t.Errorf("%v: %d threads", args, threads)
		}
		if args[0] != "dump" {
			continue
		}
		snap, err := model.Decode(strings.NewReader(out))
		if err != nil {
			t.Fatal(err)
		}
		seen := false
		for _, o := range snap.Objects {
			seen = seen || o.ID == witness && len(o.Holders) >= 2
			for i := range o.Holders {
				if int(o.Holders[i].PID) == pid {
					n++
				}
			}
		}
		if !seen {
			t.Errorf("%s is not seen with its holders", witness)
		}
		for _, p := range snap.Processes {
			if p.PPID == pid {
				n++
			}
		}
	}
	return n
}

// runIn runs ipctop as a separate process, in a control group if one is given, and returns
// the largest number of threads that it had.
func runIn(t *testing.T, group string, args ...string) (status int, stdout, stderr string, threads int) {
	t.Helper()
	cmd := exec.Command(testProgram(t), args...)
	if group != "" {
		cmd = exec.Command("sh", append([]string{"-c", `echo $$ >"$0/cgroup.procs" && exec "$@"`, group, testProgram(t)}, args...)...)
	}
	cmd.Env = append(os.Environ(), mainEnv+"=1")
	var out, messages bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &messages
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	tasks := filepath.Join("/proc", strconv.Itoa(cmd.Process.Pid), "task")
	for {
		select {
		case err := <-ended:
			var failed *exec.ExitError
			if err != nil && !errors.As(err, &failed) {
				t.Fatal(err)
			}
			return cmd.ProcessState.ExitCode(), out.String(), messages.String(), threads
		case <-time.After(2 * time.Millisecond):
			if list, err := os.ReadDir(tasks); err == nil {
				threads = max(threads, len(list))
			}
		}
	}
}

// cost is what a command costs, measured while nothing else runs. It consists of counts,
// which do not depend on the speed of the machine.
type cost struct {
	reads, allocations, bytes int
}

func costOf(t *testing.T, args ...string) (least cost) {
	t.Helper()
	t.Setenv("GOGC", "off") // otherwise ipctop sets up the garbage collector, and allocates room for the heap
	for i := range 3 {      // the first run reads what is read only once
		var before, after runtime.MemStats
		// Earlier allocations are not reused, and no garbage collection runs meanwhile: both
		// would make the amount allocated vary.
		runtime.GC()
		runtime.GC()
		percent := debug.SetGCPercent(-1)
		reads := readsSoFar(t)
		runtime.ReadMemStats(&before)
		if status, _, stderr := run(t, "", args...); status != exitOK && status != exitFindings {
			t.Fatalf("%v: status %d, %.300s", args, status, stderr)
		}
		runtime.ReadMemStats(&after)
		debug.SetGCPercent(percent)
		c := cost{readsSoFar(t) - reads, int(after.Mallocs - before.Mallocs), int(after.TotalAlloc - before.TotalAlloc)}
		if i == 0 {
			least = c
		}
		least = cost{min(least.reads, c.reads), min(least.allocations, c.allocations), min(least.bytes, c.bytes)}
	}
	return least
}

// Twice as many objects cost about twice as much: the second half costs no more than the first. A
// quadratic cost would be three times as much for the second half.
func TestCrowdsCostInProportion(t *testing.T) {
	for _, c := range crowds {
		t.Run(c.name, func(t *testing.T) {
			if !apart(t) {
				return
			}
			for _, args := range [][]string{{"dump", "--json", "--source", "procfs"}, {"check", "--source", "procfs"}} {
				var at [3]cost
				for i := range at {
					t.Run(strconv.Itoa(i*c.small), func(t *testing.T) {
						if i > 0 {
							c.start(t, i*c.small)
						}
						at[i] = costOf(t, args...)
					})
				}
				t.Logf("%v: %+v", args, at)
				for _, part := range []struct {
					what  string
					count func(c cost) int
					slack int // for differences between runs, and costs that grow in steps
				}{
					{"reads", func(c cost) int { return c.reads }, 50},
					{"allocations", func(c cost) int { return c.allocations }, 2000},
					{"bytes", func(c cost) int { return c.bytes }, 1 << 20},
				} {
					first, second := part.count(at[1])-part.count(at[0]), part.count(at[2])-part.count(at[1])
					if second > first+first*7/10+part.slack {
						t.Errorf("%v: the first %d cost %d %s, as many more %d", args, c.small, first, part.what, second)
					}
				}
			}
		})
	}
}
