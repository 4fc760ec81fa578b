package main

import (
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/leak"
)

// descent keeps track of a command's descendants: those that the kernel announces
// (forkEvents), where it may be asked, and those that a look from time to time
// finds. Whoever loses its parent becomes a child of ipctop, which is the
// subreaper (PR_SET_CHILD_SUBREAPER), and so stays in sight.
type descent struct {
	before  map[int]bool // children that ipctop had already
	command int
	events  *forkEvents // nil: the kernel may not be asked
	stop    chan struct{}
	done    sync.WaitGroup

	// Until the look has ended these belong to it.
	pids map[int]bool
	held map[string]bool
}

// The pauses between two looks at who there is, and at what they hold.
const (
	descentPause = 10 * time.Millisecond
	heldEvery    = 10 // looks
	heldMost     = 1 << 16
)

// newDescent makes ready for a command that has not been started yet.
func newDescent() *descent {
	d := &descent{before: map[int]bool{}, stop: make(chan struct{}), pids: map[int]bool{}, held: map[string]bool{}}
	for _, pid := range childPIDs(os.Getpid()) {
		d.before[pid] = true
	}
	d.events = openForkEvents()
	return d
}

// watch begins to look.
func (d *descent) watch(command int) {
	d.command, d.pids[command] = command, true
	d.done.Go(func() {
		ticker := time.NewTicker(descentPause)
		defer ticker.Stop()
		for n := 0; ; n++ {
			living := d.look()
			if n%heldEvery == 0 {
				for _, pid := range living {
					d.noteHeld(pid)
				}
			}
			select {
			case <-d.stop:
				return
			case <-ticker.C:
			}
		}
	})
}

// settle gives descendants some time to end once the command has.
func (d *descent) settle(grace time.Duration) {
	for end := time.Now().Add(grace); len(d.alive()) > 0 && time.Now().Before(end); {
		time.Sleep(descentPause)
	}
}

// end ends the looking.
func (d *descent) end() *leak.Command {
	close(d.stop)
	d.done.Wait()
	living := d.look()
	for _, pid := range living {
		d.noteHeld(pid)
	}
	defer d.events.close()
	return &leak.Command{PIDs: d.pids, Complete: d.events.complete(d.pids), Alive: living, Held: d.held}
}

// look adds who is new, and takes the exit status of those who have ended as
// children of ipctop; that of the command itself is for others. It returns the
// living.
func (d *descent) look() (living []int) {
	d.events.addTo(d.pids, os.Getpid(), d.before)
	for _, pid := range d.alive() {
		d.pids[pid] = true
		if pid != d.command {
			if got, err := unix.Wait4(pid, nil, unix.WNOHANG, nil); err == nil && got == pid {
				continue
			}
		}
		living = append(living, pid)
	}
	return living
}

// alive are the descendants that there are, the dead that nobody has waited for
// included.
func (d *descent) alive() []int {
	var list []int
	queue := childPIDs(os.Getpid())
	for len(queue) > 0 {
		pid := queue[0]
		queue = queue[1:]
		if d.before[pid] {
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
	for _, t := range tasks {
		b, err := os.ReadFile(dir + "/" + t.Name() + "/children")
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

// noteHeld remembers the names of what a process has open or mapped: when it is
// over, that tells who used a file.
func (d *descent) noteHeld(pid int) {
	dir := "/proc/" + strconv.Itoa(pid)
	fds, err := os.ReadDir(dir + "/fd")
	if err != nil {
		return
	}
	for _, fd := range fds {
		if link, err := os.Readlink(dir + "/fd/" + fd.Name()); err == nil {
			d.noteName(link)
		}
	}
	maps, err := os.ReadFile(dir + "/maps")
	if err != nil {
		return
	}
	for line := range strings.Lines(string(maps)) {
		if i := strings.IndexByte(line, '/'); i > 0 {
			d.noteName(strings.TrimSuffix(line[i:], "\n"))
		}
	}
}

func (d *descent) noteName(name string) {
	if strings.HasPrefix(name, "/") && len(d.held) < heldMost {
		d.held[name] = true
	}
}
