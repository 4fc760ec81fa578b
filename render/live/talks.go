package live

import (
	"slices"
	"sync"

	"github.com/ipctop/ipctop/model"
)

// talks keeps who a process talks with in words, from one snapshot to the next, as long
// as its links are the same and nobody has got another name. Goroutines may share it.
type talks struct {
	mu    sync.Mutex
	texts map[talker]talk
}

// talker is a process, and whether all whom it talks with are named.
type talker struct {
	pid int
	all bool
}

type talk struct {
	links []*model.Link // that it was made of
	text  string
}

func newTalks() *talks { return &talks{texts: map[talker]talk{}} }

// talksWith is who a process talks with; see [partners].
func talksWith(d *Data, pid int, all bool) string {
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

// sameNames reports whether the processes of two snapshots are called the same, as far as
// they are in both. Where one has come or gone, links have changed.
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
