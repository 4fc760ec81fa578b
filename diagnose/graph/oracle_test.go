package graph

import (
	"fmt"
	"math/rand"
	"os"
	"testing"

	"github.com/ipctop/ipctop/model"
)

// TestAgainstOracle runs small random programs to a random state. It compares the threads
// that are dead in the graph with those that take no step in any reachable state. The
// graph cannot know what threads will do that are not blocked, so in the comparison these
// may do anything; then both sets must be equal, with one exception: a thread may also be
// ended by others of its process, and for the graph this releases only threads that wait
// for that end. A signal may come at any time to a process that catches it. If the threads
// do only what their programs say, more threads may be dead, but never fewer.
func TestAgainstOracle(t *testing.T) {
	rounds := 250
	if os.Getenv("IPCTOP_TEST_STORM") != "" {
		rounds = 2000
	}
	deadlocks, dead, possible := 0, 0, 0
	for seed := range rounds {
		r := rand.New(rand.NewSource(int64(seed)))
		w := randomWorld(r)
		s := w.somewhere(r)
		snap := w.snapshot(&s)
		for u := range w.process {
			snap.Objects = append(snap.Objects, &model.Object{
				ID: fmt.Sprint("join:", u), Kind: model.Futex, HoldersComplete: true,
				Detail: &model.FutexDetail{Type: "join", OwnerTID: model.Some(tidOf(u)), OwnerAlive: model.Some(true)},
			})
		}
		g := New(model.NewIndex(snap))
		isDead := g.eliminate(Proven).dead
		real, _ := w.runs(s)
		free, start := w.let(s)
		liberal, ended := free.runs(start)
		// The level for "possible" assumes that no handler does anything.
		free.handler = make([]bool, len(w.parent))
		unhandled, _ := free.runs(start)
		for u := range w.process {
			at, lives := g.byTID[tidOf(u)]
			if !lives {
				continue
			}
			if isDead[at] {
				dead++
			}
			if isDead[at] && real[u] {
				t.Fatalf("seed %d: thread %d runs, and is said to be dead\n%s", seed, u, w.describe(&s))
			}
			if isDead[at] && liberal[u] || !isDead[at] && !liberal[u] && !ended[u] {
				t.Fatalf("seed %d: thread %d: dead %v, runs %v\n%s", seed, u, isDead[at], liberal[u], w.describe(&s))
			}
		}
		for _, d := range g.Deadlocks() {
			deadlocks++
			runs := liberal
			if d.Confidence == model.Possible {
				runs = unhandled
				possible++
			}
			for _, tid := range d.Members {
				if runs[tid-tidOf(0)] {
					t.Fatalf("seed %d: thread %d could be released, and is in a deadlock\n%s", seed, tid-tidOf(0), w.describe(&s))
				}
			}
		}
	}
	if deadlocks < rounds/50 || dead <= deadlocks || possible == 0 {
		t.Errorf("only %d deadlocks, %d of them possible, and %d dead threads in %d worlds: the programs do not try what they should", deadlocks, possible, dead, rounds)
	}
	t.Logf("%d deadlocks, %d of them possible, %d dead threads in %d worlds", deadlocks, possible, dead, rounds)
}

func (w *world) describe(s *state) string {
	text := fmt.Sprintf("%+v\nreaders %v writers %v parents %v\n", *s, w.readers, w.writers, w.parent)
	for t := range w.process {
		text += fmt.Sprintf("thread %d of process %d: %v", t, w.process[t], w.program[t])
		if o := w.next(s, t); o != nil {
			text += fmt.Sprintf(", at %v, blocked %v", *o, !w.can(s, t, *o))
		}
		text += "\n"
	}
	return text
}
