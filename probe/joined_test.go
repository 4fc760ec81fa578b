package probe

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/ipctop/ipctop/model"
)

// pretended is a simulated machine: the holders of its processes and the records of its
// tables.
type pretended struct {
	random    *rand.Rand
	spaces    []*KeySpace
	processes map[int]*pretendedProcess
	objects   map[Key]*model.Object // records of the table, which keeps a record while it is the same
	peers     map[Key][]Key
	tabled    map[Key]int32 // pid of a holder that the table tells of
	hidden    bool
}

type pretendedProcess struct {
	holders []holderRecord
	cache   *processCache // the process has not run since this was made; nil: nothing is cached
}

func newPretended(seed uint64) *pretended {
	describe := func(k Key, _ *Scan) model.Object {
		return model.Object{ID: fmt.Sprintf("%s:%d", k.Space.Name, k.Num), Kind: model.Pipe, Detail: new(model.PipeDetail)}
	}
	return &pretended{
		random: rand.New(rand.NewPCG(seed, 1)),
		spaces: []*KeySpace{
			{Name: "pipe", New: describe, Incremental: true},
			{Name: "unix", Incremental: true},
			{Name: "file"},
			{Name: "epoll", New: describe, ByDescription: true},
			{Name: "eventfd", ByMapping: true, Incremental: true},
		},
		processes: map[int]*pretendedProcess{}, objects: map[Key]*model.Object{}, peers: map[Key][]Key{}, tabled: map[Key]int32{},
	}
}

func (m *pretended) key() Key {
	return Key{Space: m.spaces[m.random.IntN(len(m.spaces))], Num: uint64(m.random.IntN(40))}
}

// do makes a random change.
func (m *pretended) do() {
	k := m.key()
	switch m.random.IntN(8) {
	case 0, 1: // a process starts or runs, and has other holders now
		pid := 1 + m.random.IntN(12)
		p := &pretendedProcess{}
		for fd := range m.random.IntN(20) {
			h := holderRecord{key: m.key(), cached: true, holder: model.Holder{PID: int32(pid), Comm: "walker", Via: model.ViaFD, FD: model.Some(int32(fd)), Access: model.Read}}
			if h.key.Space.ByMapping {
				h.holder.Via, h.holder.Extent = model.ViaMap, &model.Extent{Size: model.Some[int64](4096), Flags: []string{"shared"}}
			}
			p.holders = append(p.holders, h)
		}
		if m.random.IntN(4) > 0 {
			p.cache = &processCache{}
		}
		m.processes[pid] = p
	case 2:
		delete(m.processes, 1+m.random.IntN(12))
	case 3:
		o := &model.Object{ID: fmt.Sprintf("%s:%d", k.Space.Name, k.Num), Kind: model.Unix, Detail: &model.UnixDetail{State: fmt.Sprint(m.random.IntN(3))}}
		if m.random.IntN(5) == 0 {
			o.ID += "@1" // the object gets another id
		}
		m.objects[k] = o
	case 4:
		delete(m.objects, k)
	case 5:
		m.peers[k] = append(m.peers[k], m.key())
	case 6:
		delete(m.peers, k)
		delete(m.tabled, k)
	case 7:
		m.tabled[k] = int32(1 + m.random.IntN(12))
		m.hidden = m.random.IntN(20) == 0
	}
}

// results returns the results of reading the machine. A scanner that has read it before (again)
// does not read a process again that has not run.
func (m *pretended) results(again bool) (list []*result) {
	for pid, p := range m.processes {
		r := &result{process: &model.Process{PID: pid}, out: &Collector{}, cache: p.cache, partialFDs: m.hidden && pid == 1}
		if r.unchanged = again && p.cache != nil && p.cache.joined; !r.unchanged {
			r.out.holders = slices.Clone(p.holders)
		}
		if !again && p.cache != nil {
			r.cache = &processCache{}
		}
		if p.cache == nil { // all its holders are emitted in each scan
			for i := range r.out.holders {
				r.out.holders[i].cached = false
			}
		}
		list = append(list, r)
	}
	table := &result{table: tableKey{"pretended", 1}, out: &Collector{}}
	for _, space := range m.spaces {
		for num := range uint64(40) {
			k := Key{Space: space, Num: num}
			if o := m.objects[k]; o != nil {
				if !again {
					o = &model.Object{ID: o.ID, Kind: o.Kind, Detail: o.Detail}
				}
				table.out.Object(k, o)
			}
			for _, to := range m.peers[k] {
				table.out.Peer(k, to, model.Certain)
			}
			if pid := m.tabled[k]; pid != 0 {
				table.out.AddHolder(k, model.Holder{PID: pid, Via: model.ViaLock})
			}
		}
	}
	return append(list, table)
}

// complete does what Complete hooks do; what it does depends only on its arguments.
func (m *pretended) complete(idx *Index) {
	out := &Collector{}
	for _, space := range m.spaces {
		for num := range uint64(40) {
			k := Key{Space: space, Num: num}
			if e, ok := idx.LookupUnclaimed(k); ok && num%4 == 1 {
				idx.Describe(e, &model.Object{ID: fmt.Sprintf("%s:%d", space.Name, num), Kind: model.Eventfd, Detail: new(model.EventfdDetail)})
			}
			e, ok := idx.Lookup(k)
			if !ok || e.Key != k {
				continue
			}
			if space.ByDescription && num%2 == 1 && len(e.Holders) > 0 {
				if into, ok := idx.Lookup(Key{Space: space, Num: num - 1}); ok {
					into.Adopt(e.Holders...)
					idx.merge(e, into)
					continue
				}
			}
			switch num % 8 {
			case 0:
				e.OwnObject().Name = "named"
			case 2:
				if len(e.Holders) > 1 {
					e.OwnHolders()
					e.Holders[0].OFD = model.OFD{PID: e.Holders[1].PID, FD: 3}
				}
			case 4:
				if len(e.Holders) == 1 {
					e.Adopt(model.Holder{PID: 99, Via: model.ViaLock})
				}
			case 6:
				if len(e.Holders) > 0 {
					out.Peer(k, Key{Space: space, Num: num - 1}, model.Likely)
				}
			}
		}
	}
	idx.connect(out)
}

// checkEachOf checks that EachOf leaves out no object of a process. It also checks Holds and Unclaimed.
func (m *pretended) checkEachOf(t *testing.T, idx *Index) {
	t.Helper()
	pid := int32(1 + m.random.IntN(12))
	has := func(e *Entry) bool {
		return slices.ContainsFunc(e.Holders, func(h model.Holder) bool { return h.PID == pid && h.Via != model.ViaLock })
	}
	got, want := map[*Entry]int{}, map[*Entry]int{}
	idx.EachOf(map[int32]bool{pid: true}, func(e *Entry) {
		if has(e) {
			got[e]++
		}
	})
	for e := range idx.All() {
		if !has(e) {
			continue
		}
		want[e]++
		for i := range e.Holders {
			h := &e.Holders[i]
			if fd, _ := h.FD.Get(); h.Via == model.ViaFD && (!e.Holds(h.PID, h.TID, fd) || e.Holds(h.PID, h.TID, fd+100) || e.Holds(h.PID, h.TID+7, fd)) {
				t.Fatalf("%v has %+v", e.Key, e.Holders)
			}
		}
	}
	for _, space := range m.spaces {
		unclaimed := 0
		for _, e := range idx.joined.spaces[space] {
			if e.unclaimed() {
				unclaimed++
			}
		}
		if n := len(idx.Unclaimed(space)); n != unclaimed {
			t.Fatalf("of the space %s %d are unclaimed, and there are %d", space.Name, unclaimed, n)
		}
	}
	if !maps.Equal(got, want) {
		t.Fatalf("process %d has %d objects, and of all it has %d", pid, len(got), len(want))
	}
}

// scan returns the list of objects; nil if the scan is given up before it lists them.
func (m *pretended) scan(t *testing.T, sc *Scanner, number int, again, giveUp bool) []*model.Object {
	s := &Scan{scanner: sc, number: number, results: m.results(again)}
	idx := s.join()
	m.complete(idx)
	m.checkEachOf(t, idx)
	if giveUp {
		return nil
	}
	list := idx.objects()
	idx.joined.useLastRecords()
	return list
}

func textsOf(list []*model.Object) []string {
	texts := make([]string, len(list))
	for i, o := range list {
		texts[i] = string(model.AppendJSON(nil, o))
	}
	return texts
}

// Whatever changes, a repeated scan has the same objects as the first scan of a new scanner.
// Objects of earlier snapshots stay as they are, and an unchanged object is the same record.
func TestJoinedAgain(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	m := newPretended(seed)
	sc := NewScanner(Options{Repeated: true})
	var last []*model.Object
	var was []string
	type earlier struct {
		list []*model.Object
		text []string
	}
	var ring []earlier
	number, kept, shared := 0, 0, 0
	missing := func(from, in []string) string {
		return strings.Join(slices.DeleteFunc(slices.Clone(from), func(line string) bool { return slices.Contains(in, line) }), "\n")
	}
	for step := range 700 {
		for range m.random.IntN(4) {
			m.do()
		}
		number++
		list := m.scan(t, sc, number, true, step > 0 && m.random.IntN(20) == 0)
		if list == nil {
			continue
		}
		got, want := textsOf(list), textsOf(m.scan(t, NewScanner(Options{}), 1, false, false))
		if !slices.Equal(got, want) {
			t.Fatalf("step %d: there are the objects\n%s\ninstead of\n%s", step, missing(got, want), missing(want, got))
		}
		for _, old := range ring {
			if now := textsOf(old.list); !slices.Equal(now, old.text) {
				t.Fatalf("step %d: a snapshot before has changed, from\n%s\nto\n%s", step, missing(old.text, now), missing(now, old.text))
			}
		}
		before := map[string]*model.Object{}
		for i, o := range last {
			before[was[i]] = o
		}
		for i, o := range list {
			if old := before[got[i]]; old == o {
				kept++
			} else if old != nil {
				t.Fatalf("step %d: %s is another record with the same content", step, got[i])
			}
		}
		if len(last) > 0 && model.SameList(last, list) {
			shared++
		}
		last, was = list, got
		if ring = append(ring, earlier{list, got}); len(ring) > 6 {
			ring = ring[1:]
		}
	}
	if kept == 0 || shared == 0 {
		t.Errorf("%d records and %d lists were taken over", kept, shared)
	}
}

// If a table emits the same object again after a scan in which it did not, and it has other
// holders now, the record of an earlier snapshot does not change.
func TestJoinedEmittedAgain(t *testing.T) {
	m := newPretended(1)
	k := Key{Space: m.spaces[1], Num: 3}
	sc := NewScanner(Options{Repeated: true})
	o := &model.Object{ID: "unix:3", Kind: model.Unix, Detail: new(model.UnixDetail)}
	hold := func(pid int) {
		h := holderRecord{key: k, cached: true, holder: model.Holder{PID: int32(pid), Via: model.ViaFD, FD: model.Some[int32](3)}}
		m.processes[pid] = &pretendedProcess{holders: []holderRecord{h}, cache: new(processCache)}
	}
	hold(1)
	m.objects[k] = o
	first := m.scan(t, sc, 1, true, false)
	was := textsOf(first)
	delete(m.objects, k)
	if list := m.scan(t, sc, 2, true, false); len(list) > 0 {
		t.Fatalf("nothing told of %s", list[0].ID)
	}
	m.objects[k] = o
	hold(2)
	if list := m.scan(t, sc, 3, true, false); len(list) != 1 || len(list[0].Holders) != 2 {
		t.Errorf("there are %s", textsOf(list))
	}
	if now := textsOf(first); !slices.Equal(now, was) {
		t.Errorf("the first snapshot has %s now, not %s", now, was)
	}
}
