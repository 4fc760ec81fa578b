package processtree

import (
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/leak"
)

// Tracker keeps track of a command's descendants: those that the kernel reports
// (forkEvents), if that is permitted, and those that are found by listing children
// every few milliseconds. A process that loses its parent becomes a child of the
// subreaper, ipctop, and so stays in the tree.
type Tracker struct {
	before  map[int]bool // children that ipctop had before the command
	command int
	events  *forkEvents // nil: not permitted
	stop    chan struct{}
	done    sync.WaitGroup

	// Only the polling goroutine may use these until it has ended.
	pids map[int]bool
	held map[string]bool
}

// How often children are listed, how often their files are, and how many names are kept.
const (
	pollPause = 10 * time.Millisecond
	heldEvery = 10 // passes
	heldMost  = 1 << 16
)

// New prepares for a command that has not been started yet: children that already exist
// are not its descendants.
func New() *Tracker {
	t := &Tracker{before: map[int]bool{}, stop: make(chan struct{}), pids: map[int]bool{}, held: map[string]bool{}}
	for _, pid := range childPIDs(os.Getpid()) {
		t.before[pid] = true
	}
	t.events = openForkEvents()
	return t
}

// Watch begins to follow the process tree of a command, by its pid.
func (t *Tracker) Watch(command int) {
	t.command, t.pids[command] = command, true
	t.done.Go(func() {
		ticker := time.NewTicker(pollPause)
		defer ticker.Stop()
		for n := 0; ; n++ {
			living := t.poll()
			if n%heldEvery == 0 {
				for _, pid := range living {
					t.noteHeld(pid)
				}
			}
			select {
			case <-t.stop:
				return
			case <-ticker.C:
			}
		}
	})
}

// WaitForEnd gives the descendants some time to end after the command has ended.
func (t *Tracker) WaitForEnd(grace time.Duration) {
	for end := time.Now().Add(grace); len(t.alive()) > 0 && time.Now().Before(end); {
		time.Sleep(pollPause)
	}
}

// End ends polling and returns what is known about the command. The caller must add its
// user and whether it was isolated.
func (t *Tracker) End() *leak.Command {
	close(t.stop)
	t.done.Wait()
	living := t.poll()
	for _, pid := range living {
		t.noteHeld(pid)
	}
	defer t.events.close()
	return &leak.Command{PIDs: t.pids, Complete: t.events.complete(t.pids), Alive: living, Held: t.held}
}

// poll adds new processes, and reaps descendants that have ended as children of ipctop;
// the caller reaps the command itself. It returns the living descendants.
func (t *Tracker) poll() (living []int) {
	t.events.addTo(t.pids, os.Getpid(), t.before)
	for _, pid := range t.alive() {
		t.pids[pid] = true
		if pid != t.command {
			if got, err := unix.Wait4(pid, nil, unix.WNOHANG, nil); err == nil && got == pid {
				continue
			}
		}
		living = append(living, pid)
	}
	return living
}

// alive returns the descendants that exist, including zombies.
func (t *Tracker) alive() []int {
	var list []int
	queue := childPIDs(os.Getpid())
	for len(queue) > 0 {
		pid := queue[0]
		queue = queue[1:]
		if t.before[pid] {
			continue
		}
		list = append(list, pid)
		queue = append(queue, childPIDs(pid)...)
	}
	return list
}

// childPIDs lists a process's children (/proc/PID/task/TID/children, 4.2).
func childPIDs(pid int) []int {
	dir := "/proc/" + strconv.Itoa(pid) + "/task"
	tasks, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var list []int
	for _, task := range tasks {
		b, err := os.ReadFile(dir + "/" + task.Name() + "/children")
		if err != nil {
			continue
		}
		for f := range strings.FieldsSeq(string(b)) {
			if child, err := strconv.Atoi(f); err == nil {
				list = append(list, child)
			}
		}
	}
	return list
}

// noteHeld records the names of what a process has open or mapped, so that it is known
// later who used a file.
func (t *Tracker) noteHeld(pid int) {
	dir := "/proc/" + strconv.Itoa(pid)
	fds, err := os.ReadDir(dir + "/fd")
	if err != nil {
		return
	}
	for _, fd := range fds {
		if link, err := os.Readlink(dir + "/fd/" + fd.Name()); err == nil {
			t.noteName(link)
		}
	}
	maps, err := os.ReadFile(dir + "/maps")
	if err != nil {
		return
	}
	for line := range strings.Lines(string(maps)) {
		if i := strings.IndexByte(line, '/'); i > 0 {
			t.noteName(strings.TrimSuffix(line[i:], "\n"))
		}
	}
}

func (t *Tracker) noteName(name string) {
	if strings.HasPrefix(name, "/") && len(t.held) < heldMost {
		t.held[name] = true
	}
}
