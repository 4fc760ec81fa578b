package sysv

import (
	"testing"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

// at is a member: a process and the namespace it lives in.
type at struct {
	pid  int32
	home uint64
}

func attached(key uint32, known bool, size int64, who ...at) *group {
	g := &group{key: key, known: known}
	for _, a := range who {
		g.members = append(g.members, member{model.Holder{PID: a.pid, Via: model.ViaAttach, Extent: &model.Extent{
			Offset: model.Some[int64](0), Size: model.Some(size),
		}}, a.home})
	}
	return g
}

func seg(ns uint64, key uint32, size, nattch int64, lastPID, creator int) *candidate {
	return &candidate{
		ns: ns, key: keyText(key), size: model.Some(size), attached: model.Some(nattch), pids: [2]int{lastPID, creator},
	}
}

func TestAssign(t *testing.T) {
	const page = 4096
	for name, c := range map[string]struct {
		groups []*group
		segs   []*candidate
		want   []int // index of the segment; -1: unknown
	}{
		"the common case": {
			[]*group{attached(1, true, page, at{10, 100}, at{11, 100})}, []*candidate{seg(100, 1, 100, 2, 11, 10)}, []int{0},
		},
		"someone detached between two samples": {
			[]*group{attached(1, true, page, at{10, 100}, at{11, 100})}, []*candidate{seg(100, 1, 100, 1, 0, 0)}, []int{0},
		},
		"nobody is attached to the one there is": {
			[]*group{attached(1, true, page, at{10, 100})}, []*candidate{seg(100, 1, 100, 0, 0, 0)}, []int{-1},
		},
		"one number in two namespaces": {
			[]*group{attached(0, true, page, at{10, 100}), attached(0, true, page, at{20, 200})},
			[]*candidate{seg(100, 0, page, 1, 0, 0), seg(200, 0, page, 1, 0, 0)},
			[]int{0, 1},
		},
		"a process that moved to where nobody is attached": {
			[]*group{attached(0, true, page, at{10, 200})},
			[]*candidate{seg(100, 0, page, 1, 10, 10), seg(200, 0, page, 0, 0, 0)},
			[]int{0},
		},
		"a process that moved to where someone is": {
			[]*group{attached(0, true, page, at{10, 200}), attached(0, true, page, at{20, 200})},
			[]*candidate{seg(100, 0, page, 1, 10, 99), seg(200, 0, page, 1, 20, 99)},
			[]int{0, 1},
		},
		"… told by the count": {
			[]*group{attached(0, true, page, at{10, 200}), attached(0, true, page, at{20, 200}, at{21, 200})},
			[]*candidate{seg(100, 0, page, 1, 0, 0), seg(200, 0, page, 2, 0, 0)},
			[]int{0, 1},
		},
		"… told by the key": {
			[]*group{attached(7, true, page, at{10, 200}), attached(8, true, page, at{20, 200})},
			[]*candidate{seg(100, 7, page, 1, 0, 0), seg(200, 8, page, 1, 0, 0)},
			[]int{0, 1},
		},
		"… told by the size": {
			[]*group{attached(0, true, 4*page, at{10, 200}), attached(0, true, page, at{20, 200})},
			[]*candidate{seg(100, 0, 4*page, 1, 0, 0), seg(200, 0, page, 1, 0, 0)},
			[]int{0, 1},
		},
		"one process attached to two of one number": {
			[]*group{attached(0, true, page, at{10, 200}), attached(0, true, page, at{10, 200})},
			[]*candidate{seg(100, 0, page, 1, 10, 10), seg(200, 0, page, 1, 10, 10)},
			[]int{-1, -1},
		},
		"a segment of a namespace nobody can enter": {
			[]*group{attached(9, true, page, at{10, 100})}, []*candidate{seg(100, 1, page, 0, 0, 0)}, []int{-1},
		},
		"… that has the same key, too": {
			[]*group{attached(1, true, page, at{10, 300}), attached(1, true, page, at{20, 100})},
			[]*candidate{seg(100, 1, page, 1, 0, 0)},
			[]int{-1, 0},
		},
		"no table at all": {
			[]*group{attached(9, true, page, at{10, 100})}, nil, []int{-1},
		},
		"removed segments have no key": {
			[]*group{attached(9, true, page, at{10, 100})},
			[]*candidate{{ns: 100, key: keyText(0), removed: true, attached: model.Some[int64](1)}},
			[]int{0},
		},
		"without generations, where the process lives": {
			[]*group{attached(0, false, page, at{10, 100}), attached(0, false, page, at{20, 200})},
			[]*candidate{seg(100, 0, page, 1, 0, 0), seg(200, 0, page, 1, 0, 0)},
			[]int{0, 1},
		},
		"without generations, more attached than there can be": {
			[]*group{attached(0, false, page, at{10, 200}, at{11, 200})},
			[]*candidate{seg(100, 0, page, 1, 0, 0), seg(200, 0, page, 1, 0, 0)},
			[]int{-1},
		},
		"without generations, from a namespace not seen": {
			[]*group{attached(0, false, page, at{10, 300})}, []*candidate{seg(100, 0, page, 1, 0, 0)}, []int{-1},
		},
		"a process whose namespace is unknown": {
			[]*group{attached(0, true, page, at{10, 0})}, []*candidate{seg(100, 0, page, 1, 10, 10)}, []int{0},
		},
	} {
		t.Run(name, func(t *testing.T) {
			assign(c.groups, c.segs)
			for i, g := range c.groups {
				got := -1
				for k, s := range c.segs {
					if g.to == s {
						got = k
					}
				}
				if got != c.want[i] {
					t.Errorf("group %d: segment %d, want %d", i, got, c.want[i])
				}
			}
		})
	}
}

func TestWithin(t *testing.T) {
	for _, c := range []struct {
		end, size int64
		want      bool
	}{{4096, 1, true}, {8192, 4096, false}, {2 << 20, 5000, true}, {4096, 8192, true}, {3 << 20, 5000, false}} {
		if got := within(c.end, c.size); got != c.want {
			t.Errorf("within(%d, %d) = %v", c.end, c.size, got)
		}
	}
}

func TestCount(t *testing.T) {
	for _, c := range []struct {
		seen     int
		attached model.Opt[int64]
		want     model.Opt[bool]
	}{
		{0, model.Some[int64](0), model.Some(true)},
		{1, model.Some[int64](2), model.Some(false)},
		{2, model.Some[int64](2), model.Some(true)},
		{3, model.Some[int64](2), model.Opt[bool]{}},
		{0, model.Opt[int64]{}, model.Opt[bool]{}},
	} {
		s := &candidate{entry: &probe.Entry{Holders: make([]model.Holder, c.seen)}, attached: c.attached}
		if s.count(); s.entry.Complete != c.want {
			t.Errorf("%d of %v: %v, want %v", c.seen, c.attached, s.entry.Complete, c.want)
		}
	}
}
