package probe

import (
	"context"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/proc"
)

// Anyone may create namespaces without limit, and keep them alive by descriptors
// alone. So a few threads go from one namespace to the next. At most [maxNamespaces]
// of a type are entered, and all of them together get [namespaceTime].

const (
	maxNamespaces = 1024
	namespaceTime = 20 * time.Second

	// namespaceDeadline is how long one namespace may take: the way into a namespace
	// can lead past programs that do not answer.
	namespaceDeadline = 5 * time.Second

	// maxNamespaceThreads bounds the number of threads at work at a time; as many more
	// may be stuck.
	maxNamespaceThreads = 8
)

// visitKey is a namespace to enter. A namespace in which a thread is stuck is skipped until
// the thread returns: until then the number cannot be reused, as the thread keeps the
// namespace alive.
type visitKey struct {
	nsType string
	inode  uint64
}

// stuckVisits are the namespaces in which threads are stuck, kept across scans.
type stuckVisits struct {
	mu   sync.Mutex
	keys map[visitKey]bool
}

func (s *stuckVisits) has(k visitKey) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys[k]
}

func (s *stuckVisits) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.keys)
}

func (s *stuckVisits) set(k visitKey, stuck bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !stuck {
		delete(s.keys, k)
		return
	}
	if s.keys == nil {
		s.keys = map[visitKey]bool{}
	}
	s.keys[k] = true
}

// visits is one pass through namespaces.
type visits struct {
	scan  *Scan
	work  func(k visitKey)
	clock *guard.Clock

	mu      sync.Mutex
	list    []visitKey // not entered yet
	threads map[*visitor]bool
	skipped map[string]int // by type: how many are not entered because others took too long
	stopped bool           // no further namespace is entered
}

// visitor is a thread that enters namespaces.
type visitor struct {
	at    visitKey
	since time.Duration
}

// foreignNamespaces lists the namespaces to enter, alternating between the types. One gap
// for each type stands for those left out.
func (s *Scan) foreignNamespaces(scopes map[string][]*Probe) []visitKey {
	var list []visitKey
	lists := map[string][]uint64{}
	for nsType := range scopes {
		all := s.nss.List(nsType, s.Own[nsType])
		if rest := len(all) - maxNamespaces; rest > 0 {
			s.namespaceGap(nsType, model.Gap{
				Reason: model.Truncated, Count: rest, Op: "enter", Detail: fmt.Sprintf("there are %d, of which %d are looked into", len(all), maxNamespaces),
			})
			all = all[:maxNamespaces]
		}
		lists[nsType] = all
	}
	types := slices.Sorted(maps.Keys(lists))
	for i := range maxNamespaces {
		for _, nsType := range types {
			if i < len(lists[nsType]) {
				list = append(list, visitKey{nsType, lists[nsType][i]})
			}
		}
	}
	return list
}

// visitNamespaces calls work in each of the namespaces, on threads that have entered it. A namespace
// that cannot be entered is a gap. It returns when all are done, when only stuck threads are left, or
// when ctx ends.
func (s *Scan) visitNamespaces(ctx context.Context, list []visitKey, work func(k visitKey)) {
	v := &visits{scan: s, work: work, clock: guard.NewClock(visitTick), list: list, threads: map[*visitor]bool{}, skipped: map[string]int{}}
	done := make(chan struct{}, 1)
	for range min(len(list), maxNamespaceThreads, 2*runtime.GOMAXPROCS(0)) {
		v.start(done)
	}
	ticker := time.NewTicker(visitTick)
	defer ticker.Stop()
	for !v.finished() {
		select {
		case <-done:
		case <-ctx.Done():
			v.end()
			return
		case <-ticker.C:
			v.clock.Tick()
			v.sweep(done)
		}
	}
	for nsType, n := range v.skipped {
		s.namespaceGap(nsType, model.Gap{Reason: model.Timeout, Count: n, Op: "enter", Detail: "no time was left after the other namespaces"})
	}
}

const visitTick = 20 * time.Millisecond

func (v *visits) finished() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.threads) == 0
}

func (v *visits) end() {
	v.mu.Lock()
	v.stopped = true
	v.mu.Unlock()
}

func (v *visits) start(done chan struct{}) {
	t := new(visitor)
	v.mu.Lock()
	v.threads[t] = true
	v.mu.Unlock()
	go func() {
		proc.OnThread(func() {
			for v.next(t) {
				v.visit(t.at)
			}
		})
		select {
		case done <- struct{}{}:
		default:
		}
	}()
}

// next notes that the thread is done with one namespace and takes another one. It
// reports whether there was one.
func (v *visits) next(t *visitor) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.threads[t] { // it was abandoned meanwhile
		v.scan.scanner.stuckVisits.set(t.at, false)
		return false
	}
	if v.stopped || len(v.list) == 0 {
		delete(v.threads, t)
		return false
	}
	t.at, v.list = v.list[0], v.list[1:]
	t.since = v.clock.Now()
	return true
}

func (v *visits) visit(k visitKey) {
	err := guard.ErrGivenUp
	if !v.scan.scanner.stuckVisits.has(k) {
		if err = v.scan.nss.Enter(k.nsType, k.inode); err == nil {
			v.work(k)
		}
	}
	switch {
	case err == nil:
	case proc.Gone(err):
		v.scan.noteUnreached(k)
	default:
		v.scan.namespaceFailed(k, err)
	}
}

// sweep abandons threads that have been in one namespace for too long, and starts
// others in their place. When the time is over it begins nothing more.
func (v *visits) sweep(done chan struct{}) {
	v.mu.Lock()
	now, start := v.clock.Now(), 0
	for t := range v.threads {
		if now-t.since < namespaceDeadline {
			continue
		}
		delete(v.threads, t)
		v.scan.scanner.stuckVisits.set(t.at, true)
		v.scan.namespaceFailed(t.at, guard.ErrGivenUp)
		start++
	}
	if now >= namespaceTime || v.scan.scanner.stuckVisits.len() >= maxNamespaceThreads {
		for _, k := range v.list {
			v.skipped[k.nsType]++
		}
		v.list, start = nil, 0
	}
	start = min(start, len(v.list))
	v.mu.Unlock()
	for range start {
		v.start(done)
	}
}

func (s *Scan) namespaceFailed(k visitKey, err error) {
	s.namespaceGap(k.nsType, model.Gap{
		Reason: proc.ReasonOf(err), Op: "enter", Path: fmt.Sprintf("%s:[%d]", k.nsType, k.inode), Detail: err.Error(),
	})
}

func (s *Scan) namespaceGap(nsType string, g model.Gap) {
	out := &Collector{probe: nsType + " namespace"}
	out.Gap(g)
	s.add(&result{out: out})
}
