package live

import (
	"slices"
	"sync"

	"github.com/ipctop/ipctop/model"
)

// talks caches the texts that say with whom a process communicates, from one snapshot to the
// next. A text is valid while the process's links and all names are the same. Goroutines may
// share it.
type talks struct {
	mu    sync.Mutex
	texts map[talker]talk
}

// talker is a process, and whether all its peers are named.
type talker struct {
	pid int
	all bool
}

type talk struct {
	links []*model.Link // the links from which text was made
	text  string
}

func newTalks() *talks { return &talks{texts: map[talker]talk{}} }

// peersText says with whom a process communicates; see [partners].
func peersText(d *Data, pid int, all bool) string {
	k, links := talker{pid, all}, d.linked.of(pid)
	d.talks.mu.Lock()
	t, ok := d.talks.texts[k]
	d.talks.mu.Unlock()
	if ok && slices.Equal(t.links, links) {
		return t.text
	}
	t = talk{links, partners(d, pid, all)}
	d.talks.mu.Lock()
	d.talks.texts[k] = t
	d.talks.mu.Unlock()
	return t.text
}

// sameNames reports whether the processes that are in both snapshots have the same names. If a
// process has come or gone, links have changed anyway.
func sameNames(before, now *model.Snapshot) bool {
	order := func(a, b *model.Process) int { return a.PID - b.PID }
	if before.ShowOwn != now.ShowOwn {
		return false
	}
	for i, at := range model.Places(before.Processes, now.Processes, order) {
		if at >= 0 {
			continue
		}
		p := now.Processes[i]
		if old := before.Process(p.PID); old != nil && (old.Name() != p.Name() || old.Self != p.Self) {
			return false
		}
	}
	return true
}
