package testfixtures

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// killedRun makes fixtures in another process and kills that process.
func killedRun(t *testing.T, names ...string) []Instance {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), holdEnv+"="+strings.Join(names, " "))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var instances []Instance
	decodeErr := json.NewDecoder(out).Decode(&instances)
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if decodeErr != nil {
		t.Fatal(decodeErr)
	}
	return instances
}

func TestKilledRunIsCleaned(t *testing.T) {
	home := ownHome(t)
	live := start(t, "fifo", "sysv-msg", "sysv-shm")
	// An object that no run recorded: same user, same machine.
	foreign := sysvRecord{Type: sysvMsg}
	var err error
	if foreign.ID, err = sysvGet(sysvMsg, unix.IPC_PRIVATE, 0, unix.IPC_CREAT|0o600); err != nil {
		t.Skip(err)
	}
	defer func() {
		if err := sysvRemove(sysvMsg, foreign.ID); err != nil {
			t.Errorf("the foreign queue is gone: %v", err)
		}
	}()
	dead := killedRun(t, "pipe", "fifo", "fifo:hostile", "unix:listener", "sysv-msg", "sysv-sem", "sysv-shm", "sysv-shm:removed", "sysv-shm:orphan",
		"posix-mq", "posix-mq:deleted")

	report, err := clean([]string{home})
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Kept) > 0 {
		t.Errorf("kept: %q", report.Kept)
	}
	var want []string
	for _, inst := range dead {
		if _, ok := sysvObject(inst); ok && inst.Fixture != "sysv-shm:removed" {
			want = append(want, inst.Object)
		}
		if name, ok := mqName(inst); ok {
			want = append(want, "/"+name)
		}
	}
	want = append(want, "fifo", hostileName, "listener.sock", "directory")
	// On a busy machine a holder may not have noticed the end of the run yet.
	report.Removed = slices.DeleteFunc(report.Removed, func(s string) bool { return strings.HasPrefix(s, "process ") })
	if len(report.Removed) != len(want) {
		t.Errorf("removed %q, want %q", report.Removed, want)
	}
	for _, w := range want {
		quoted := strings.Trim(strconv.Quote(w), `"`)
		if !slices.ContainsFunc(report.Removed, func(s string) bool { return strings.Contains(s, quoted) }) {
			t.Errorf("%q is not among the removed: %q", w, report.Removed)
		}
	}
	if !slices.Equal(report.Live, []int{os.Getpid()}) {
		t.Errorf("live runs: %v, want this process alone", report.Live)
	}
	waitGone(t, dead)
	checkNothingLeft(t, "", dead)
	for _, inst := range live.Instances {
		for _, pid := range inst.PIDs {
			if !alive(pid, mustTicks(t, pid)) {
				t.Errorf("%s of the live run: process %d is gone", inst.Fixture, pid)
			}
		}
		if id, ok := sysvObject(inst); ok {
			if _, err := sysvStat(id.Type, id.ID); err != nil {
				t.Errorf("%s of the live run: %v", inst.Object, err)
			}
		}
	}
	if _, err := os.Stat(filepath.Join(live.manifest.dir, "fifo")); err != nil {
		t.Errorf("the live run's FIFO: %v", err)
	}
}

// waitGone waits until orphaned holders have ended; their new parent may be slow to reap them.
func waitGone(t *testing.T, instances []Instance) {
	t.Helper()
	for _, inst := range instances {
		for i, pid := range inst.PIDs {
			gone := false
			for range 500 {
				if _, state, err := startTicks(pid); err != nil || state == 'Z' {
					gone = true
					break
				}
				time.Sleep(10 * time.Millisecond)
			}
			if !gone {
				t.Errorf("%s: process %d lives on", inst.Fixture, pid)
			}
			inst.PIDs[i] = 1 << 30 // a pid that no process has
		}
	}
}

// Only the kernel can end the holders of a run that was killed.
func TestHoldersEndWithTheirRun(t *testing.T) {
	ownHome(t)
	dead := killedRun(t, "pipe", "tcp", "unix:listener", "signals")
	waitGone(t, dead)
}

// A holder that is stopped when its run ends cannot notice that.
func TestCleanEndsHolders(t *testing.T) {
	home := t.TempDir()
	ownHome(t)
	run := start(t, "pipe")
	var records []record
	for i, pid := range run.Instances[0].PIDs {
		// The second one's pid has been given to another process since.
		records = append(records, record{Process: &owned{pid, mustTicks(t, pid) - uint64(i)}})
	}
	leave(t, home, deadOwner(t), records...)
	report, err := clean([]string{home})
	if err != nil {
		t.Fatal(err)
	}
	pids := run.Instances[0].PIDs
	if alive(pids[0], records[0].Process.StartTicks) || !alive(pids[1], mustTicks(t, pids[1])) {
		t.Errorf("clean = %+v", report)
	}
}
