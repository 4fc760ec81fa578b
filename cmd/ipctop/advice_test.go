package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ipctop/ipctop/diagnose"
	"github.com/ipctop/ipctop/model"
)

// stuckScript is a real program that gets stuck. It prints the pid of the process that
// waits, and the pids of the processes that the finding must name as blocking it.
type stuckScript struct {
	name string
	rule string
	argv []string
	also string // the summary must contain this, too
}

// TestAdviceReleases starts real programs that get stuck, and carries out the advice of the
// finding about each: the process that the finding names as the victim must go on.
func TestAdviceReleases(t *testing.T) {
	for _, s := range stuckScripts {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel() // they wait most of the time
			p := startReal(t, s.script(t)...)
			pids := numbers(t, p.line(t))
			f := findingAbout(t, s.rule, pids[0], pids[1:]...)
			if !strings.Contains(f.Summary, s.also) {
				t.Errorf("%q lacks %q", f.Summary, s.also)
			}
			if len(f.Actions) == 0 {
				t.Fatalf("%s: nothing is advised", f.Summary)
			}
			if effect := f.Actions[0].Effect; !strings.Contains(effect, "("+strconv.Itoa(pids[0])+")") {
				t.Errorf("%s: %q does not name %d", s.rule, effect, pids[0])
			}
			argv := f.Actions[0].Argv
			for _, word := range argv[1:] {
				if pid, err := strconv.Atoi(word); err == nil && pid > 0 && !descends(pid, p.pid) {
					t.Fatalf("%v: %d is no process of the program", argv, pid)
				}
			}
			before := callOf(pids[0])
			if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
				t.Fatalf("%v: %v %s", argv, err, out)
			}
			for end := time.Now().Add(30 * time.Second); callOf(pids[0]) == before; time.Sleep(10 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatalf("%v was done, and process %d still is in %q: %s", argv, pids[0], before, f.Summary)
				}
			}
		})
	}
}

// TestHealthyScripts starts programs that look stuck but are healthy: none of the rules may
// mention them.
func TestHealthyScripts(t *testing.T) {
	for _, s := range healthyScripts {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel() // they wait most of the time
			p := startReal(t, s.script(t)...)
			pids := numbers(t, p.line(t))
			waitAged(t, pids[0])
			snap := newScan(t)
			diagnose.Run(snap, diagnose.Options{MinAge: diagnose.DefaultMinAge}) // also find what would only be found later
			for i := range snap.Findings {
				f := &snap.Findings[i]
				if f.Severity != model.Info && slices.ContainsFunc(f.PIDs, func(pid int) bool { return slices.Contains(pids, pid) }) {
					t.Errorf("%s %s: %s", f.Severity, f.Rule, f.Summary)
				}
			}
		})
	}
}

// script is the command line, with DIR replaced by a new directory and STUCK by testdata/stuck.c.
func (s *stuckScript) script(t *testing.T) []string {
	t.Helper()
	dir := shortDir(t)
	t.Cleanup(func() { endDaemon(dir) }) // when the program has ended
	argv := slices.Clone(s.argv)
	for i := range argv {
		argv[i] = strings.ReplaceAll(argv[i], "DIR", dir)
		if argv[i] == "STUCK" {
			argv[i] = stuckProgram(t)
		}
	}
	return argv
}

// endDaemon ends the process that a script may have started in a new session: ending the
// script does not reach it.
func endDaemon(dir string) {
	text, err := os.ReadFile(filepath.Join(dir, "daemon"))
	pid, _ := strconv.Atoi(string(text))
	if err != nil || pid <= 0 {
		return
	}
	if cmdline, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err == nil && strings.Contains(string(cmdline), dir) {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

func numbers(t *testing.T, line string) []int {
	t.Helper()
	var list []int
	for word := range strings.FieldsSeq(line) {
		n, err := strconv.Atoi(word)
		if err != nil {
			t.Skip(line) // it says why it cannot run
		}
		list = append(list, n)
	}
	return list
}

// findingAbout scans until a rule has a finding about a victim that also names the other
// processes. These may take a while to get stuck, too.
func findingAbout(t *testing.T, rule string, victim int, others ...int) *model.Finding {
	t.Helper()
	var snap *model.Snapshot
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		snap = newScan(t)
		diagnose.Run(snap, diagnose.Options{MinAge: diagnose.DefaultMinAge})
		for i := range snap.Findings {
			if f := &snap.Findings[i]; f.Rule == rule && slices.Contains(f.Victims, victim) && containsAll(f.PIDs, others) {
				return f
			}
		}
	}
	for _, f := range snap.Findings {
		if slices.Contains(f.PIDs, victim) {
			t.Logf("%s: %s", f.Rule, f.Summary)
		}
	}
	for _, w := range waitsOf(snap, []int{victim}) {
		t.Logf("%+v", w)
	}
	t.Fatalf("no finding of %s about %d, which is in %q, that names %d", rule, victim, callOf(victim), others)
	return nil
}

func containsAll(list, some []int) bool {
	return !slices.ContainsFunc(some, func(n int) bool { return !slices.Contains(list, n) })
}

// waitAged waits until a process has been blocked for longer than the rules require.
func waitAged(t *testing.T, pid int) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		for _, w := range waitsOf(newScan(t), []int{pid}) {
			if w.Confirmed && w.BlockedFor.Or(0) > int64(diagnose.DefaultMinAge) {
				return
			}
		}
	}
	t.Fatalf("process %d does not wait", pid)
}

// callOf is the call that a process's main thread is in, with its arguments; empty
// once it has ended.
func callOf(pid int) string {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/syscall", pid))
	if stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); strings.Contains(string(stat), ") Z ") {
		return ""
	}
	return string(text)
}

// descends reports whether a process was started by a program, according to its process
// group or its session.
func descends(pid, program int) bool {
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, _ := strings.Cut(string(stat), ") ")
	words := strings.Fields(rest)
	environ, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	mine, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", program))
	return len(words) > 3 && (words[2] == strconv.Itoa(program) || len(mine) > 0 && string(environ) == string(mine)) || parentIs(words, program)
}

func parentIs(words []string, pid int) bool { return len(words) > 1 && words[1] == strconv.Itoa(pid) }
