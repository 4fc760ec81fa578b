package trace

import (
	"fmt"
	"slices"
	"testing"
)

// TestJoinerOfExits: the event has what a process left, and which locks ended with it.
func TestJoinerOfExits(t *testing.T) {
	j := Joiner{StillExists: func(e *Event) bool { return e.Path != "/dev/shm/gone" }}
	made := func(pid int, words string) {
		e := object(0, pid, words)
		e.Sender.StartTicks = 7
		j.Existence(e)
	}
	made(1, "created sysv-shm - sysv-shm:1")
	j.created.byName["sysv-shm sysv-shm:1"].Key = "0x000004d2"
	made(1, "created sysv-shm - sysv-shm:2")
	made(2, "removed sysv-shm - sysv-shm:2")
	made(1, "created posix-shm /dev/shm/a posix-shm:0:27:4")
	made(1, "created posix-shm /dev/shm/gone posix-shm:0:27:5")
	made(1, "created posix-sem /dev/shm/sem.x posix-sem:0:27:6") // a temporary step before the next
	made(1, "created posix-sem /dev/shm/sem.b - /dev/shm/sem.x")
	made(2, "created posix-shm /dev/shm/others posix-shm:0:27:7")
	lock := func(pid int, owner uint64, words string) {
		e := attempt(1, pid, owner, words)
		e.Sender.PID, e.Sender.StartTicks, e.Path = pid, 7, "/run/lock"
		j.Locked(e)
	}
	lock(1, 1, "flock WRITE taken")
	lock(2, 2, "posix READ taken 0")
	exit := &Event{Event: ExitEvent, Time: after(2), Target: &Party{PID: 1, StartTicks: 7}, Exit: &Exit{}}
	j.Ended(exit)
	lock(1, 1, "flock - released!")
	lock(2, 2, "posix - released+ 0")
	if list := j.Ready(after(101), false); slices.Contains(list, exit) {
		t.Fatal("it does not wait for the locks that end")
	}
	list := j.Ready(after(102), false)
	if !slices.Contains(list, exit) {
		t.Fatal("it waits for ever")
	}
	if want := []File{{"posix-sem:0:27:6", "/dev/shm/sem.b"}, {"posix-shm:0:27:4", "/dev/shm/a"}, {"sysv-shm:1", "0x000004d2"}}; !slices.Equal(exit.Left, want) {
		t.Errorf("it left %v, not %v", exit.Left, want)
	}
	if want := []File{{"file:1:2:3", "/run/lock"}}; !slices.Equal(exit.Locks, want) {
		t.Errorf("its locks were on %v, not %v", exit.Locks, want)
	}
	lock(1, 3, "flock WRITE taken")
	lock(1, 3, "flock - released!") // it was reported already
	if len(exit.Locks) != 1 || len(j.ending) != 0 {
		t.Errorf("it has locks on %v now; %d processes are remembered", exit.Locks, len(j.ending))
	}
	for i := range 2 * maxLeft {
		made(3, fmt.Sprintf("created sysv-shm - sysv-shm:%d", 100+i))
	}
	exit = &Event{Event: ExitEvent, Time: after(300), Target: &Party{PID: 3, StartTicks: 7}, Exit: &Exit{}}
	j.Ended(exit)
	if j.Ready(after(1000), true); len(exit.Left) != maxLeft {
		t.Errorf("it left %d", len(exit.Left))
	}
}

// TestJoinerForgets: nothing known from before events were lost is used afterwards.
func TestJoinerForgets(t *testing.T) {
	j := Joiner{StillExists: func(*Event) bool { return true }}
	j.Existence(object(0, 1, "created sysv-shm - sysv-shm:1"))
	j.Locked(attempt(0, 1, 1, "flock READ taken"))
	j.Forget()
	j.Locked(attempt(1, 1, 1, "flock WRITE taken"))
	exit := &Event{Event: ExitEvent, Time: after(2), Target: &Party{PID: 1}, Exit: &Exit{}}
	j.Ended(exit)
	list := j.Ready(after(1000), true)
	if len(list) != 4 || list[2].Before != "" || len(exit.Left) > 0 {
		t.Errorf("%d events, it left %v", len(list), exit.Left)
	}
}

// TestJoinerOfObjectsMadeBefore: the creators of objects that existed when the trace began are named.
func TestJoinerOfObjectsMadeBefore(t *testing.T) {
	var j Joiner
	j.CreatedBefore(object(0, 1, "created sysv-shm - sysv-shm:1"))
	removed := object(1, 2, "removed sysv-shm - sysv-shm:1")
	j.Existence(removed)
	if list := j.Ready(after(2), false); len(list) != 1 || list[0] != removed || removed.Target == nil || removed.Target.PID != 1 {
		t.Errorf("%d events; made by %+v", len(list), removed.Target)
	}
}

// TestJoinerOfOwners: the robust locks of threads that end with their process are reported, others are forgotten.
func TestJoinerOfOwners(t *testing.T) {
	var j Joiner
	who := &Party{PID: 1, StartTicks: 7}
	lock := func(n int) []File { return []File{{Object: fmt.Sprintf("futex:1:%d", n)}} }
	ends := func(ms int) []File {
		e := &Event{Event: ExitEvent, Time: after(ms), Target: who, Exit: &Exit{}}
		j.Ended(e)
		return e.Robust
	}
	j.RobustEnded(after(0), who, lock(1)) // its process goes on
	j.RobustEnded(after(200), who, lock(2))
	j.RobustEnded(after(250), who, lock(3))
	j.RobustEnded(after(250), &Party{PID: 1, StartTicks: 8}, lock(4))
	if got, want := ends(300), slices.Concat(lock(2), lock(3)); !slices.Equal(got, want) {
		t.Errorf("it had %v, not %v", got, want)
	}
	if got := ends(301); got != nil {
		t.Errorf("it had %v again", got)
	}
	j.RobustEnded(after(400), who, lock(5))
	if got := ends(501); got != nil {
		t.Errorf("it had %v long before", got)
	}
	for i := range 3 * maxRobust {
		j.RobustEnded(after(600), &Party{PID: i}, lock(i))
		j.RobustEnded(after(600), who, lock(i))
	}
	if len(j.robust) > maxRobust || len(j.robust[who.key()].list) > maxLocksEnded {
		t.Errorf("%d processes are remembered, one with %d locks", len(j.robust), len(j.robust[who.key()].list))
	}
}
