package graph

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ipctop/ipctop/model"
)

// watches returns a snapshot in which process 10 has a lock that 20 wants. 10 waits at the
// first of several nested epoll instances; the last one watches a pipe to which 20 writes.
func watches(instances int) *model.Snapshot {
	s := circle()
	s.Processes, s.Waits = s.Processes[:2], s.Waits[:2]
	hold := func(pid, fd int32, a model.Access) model.Holder {
		return model.Holder{PID: pid, Via: model.ViaFD, FD: model.Some(fd), Access: a}
	}
	s.Objects = append(s.Objects, &model.Object{
		ID: "pipe:1", Kind: model.Pipe, HoldersComplete: true, Detail: new(model.PipeDetail), Holders: []model.Holder{hold(10, 9, model.Read), hold(20, 9, model.Write)},
	})
	for i := range instances {
		next := fmt.Sprintf("epoll:10.%d", i+1)
		if i == instances-1 {
			next = "pipe:1"
		}
		s.Objects = append(s.Objects, &model.Object{
			ID: fmt.Sprintf("epoll:10.%d", i), Kind: model.Epoll, HoldersComplete: true, Holders: []model.Holder{hold(10, int32(20+i), model.ReadWrite)},
			Detail: &model.EpollDetail{Watches: []model.EpollWatch{{Object: next}}},
		})
	}
	w := &s.Waits[0]
	w.Call, w.Needs, w.Object, w.Objects, w.Target, w.Idle = "epoll_wait", model.NeedsEvent, "epoll:10.0", []string{"epoll:10.1"}, nil, true
	if instances == 1 {
		w.Objects = []string{"pipe:1"}
	}
	return s
}

// watch changes what an epoll instance watches.
func watch(s *model.Snapshot, id string, objects ...string) {
	d := &model.EpollDetail{Watches: []model.EpollWatch{}}
	for _, o := range objects {
		d.Watches = append(d.Watches, model.EpollWatch{Object: o})
	}
	for _, o := range s.Objects {
		if o.ID == id {
			o.Detail = d
		}
	}
}

// TestNestedSets looks through epoll instances that watch others.
func TestNestedSets(t *testing.T) {
	for _, tt := range []struct {
		name      string
		instances int
		change    func(*model.Snapshot)
		want      model.Confidence // "": no deadlock
	}{
		{"one", 1, func(*model.Snapshot) {}, model.Certain},
		{"two", 2, func(*model.Snapshot) {}, model.Certain},
		{"as deep as the kernel has it", 5, func(*model.Snapshot) {}, model.Certain},
		{"deeper than that", 9, func(*model.Snapshot) {}, ""},
		{"polled", 2, func(s *model.Snapshot) {
			w := &s.Waits[0]
			w.Call, w.Object, w.Objects = "poll", "", []string{"epoll:10.0"}
		}, model.Certain},
		{"the inner one could not be read", 2, func(s *model.Snapshot) { s.Objects[len(s.Objects)-1].Detail = new(model.EpollDetail) }, ""},
		{"the inner one watches what is not known", 2, func(s *model.Snapshot) { watch(s, "epoll:10.1", "pipe:1", "") }, ""},
		{"the inner one watches what is not shown", 2, func(s *model.Snapshot) { watch(s, "epoll:10.1", "pipe:1", "pipe:7") }, ""},
		{"a circle, which cannot be", 3, func(s *model.Snapshot) { watch(s, "epoll:10.1", "pipe:1", "epoll:10.0", "epoll:10.1") }, model.Certain},
		{"somebody else may have the inner one watch more", 2, func(s *model.Snapshot) {
			o := s.Objects[len(s.Objects)-1]
			o.Holders = append(o.Holders, model.Holder{PID: 40, Via: model.ViaFD, FD: model.Some(int32(3))})
			s.Processes = append(s.Processes, &model.Process{PID: 40, PPID: 1, State: "R", Threads: 1})
		}, ""},
	} {
		s := watches(tt.instances)
		tt.change(s)
		g := New(model.NewIndex(s))
		got := model.Confidence("")
		if list := g.Deadlocks(); len(list) == 1 {
			got = list[0].Confidence
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
		if text := g.Wants(&s.Waits[0]); tt.want != "" && text != "polls pipe:1" {
			t.Errorf("%s: %q", tt.name, text)
		}
	}
}

// TestTimers has a timer in the set that a process polls while it waits for another process.
func TestTimers(t *testing.T) {
	some := model.Some[int64]
	for _, tt := range []struct {
		name string
		d    model.TimerfdDetail
		want model.Confidence // "": no deadlock
		says string
	}{
		{"not set", model.TimerfdDetail{Remaining: some(0), Interval: some(0), Ticks: some(0)}, model.Certain, ""},
		{"set", model.TimerfdDetail{Remaining: some(580e9), Interval: some(0), Ticks: some(0)}, "", "polls 2 descriptors, its timer goes off in 9m40s"},
		{"set, and gone off again and again", model.TimerfdDetail{Remaining: some(0), Interval: some(1e9), Ticks: some(0)}, "", ""},
		{"gone off, and not read", model.TimerfdDetail{Remaining: some(0), Interval: some(0), Ticks: some(1)}, "", ""},
		{"not known", model.TimerfdDetail{}, "", ""},
		{"waits for the clock to be set", model.TimerfdDetail{
			Remaining: some(0), Interval: some(0), Ticks: some(0), Flags: []string{"TFD_TIMER_ABSTIME", "TFD_TIMER_CANCEL_ON_SET"},
		}, "", ""},
	} {
		s := watches(1)
		s.Objects = append(s.Objects, &model.Object{
			ID: "timerfd:1", Kind: model.Timerfd, HoldersComplete: true, Detail: &tt.d, Holders: []model.Holder{{PID: 10, Via: model.ViaFD, FD: model.Some(int32(7))}},
		})
		w := &s.Waits[0]
		w.Call, w.Object, w.Objects = "poll", "", []string{"pipe:1", "timerfd:1"}
		g := New(model.NewIndex(s))
		got := model.Confidence("")
		if list := g.Deadlocks(); len(list) == 1 {
			got = list[0].Confidence
		}
		if doing := g.Doing(10).Doing; got != tt.want || !strings.Contains(doing, tt.says) {
			t.Errorf("%s: %q, want %q; it %s", tt.name, got, tt.want, doing)
		}
		// A thread that reads from the timer waits for no other process.
		w.Call, w.Needs, w.Object, w.Objects = "read", model.NeedsTime, "timerfd:1", nil
		g = New(model.NewIndex(s))
		if c := g.Stuck(w, Proven); (c != nil) != (tt.want != "") {
			t.Errorf("%s, read: %+v", tt.name, c)
		}
		if doing := g.Doing(10); (doing.Kind == Asleep) != (tt.want == "") || g.Work(w) != (tt.want == "") {
			t.Errorf("%s, read: %+v, work %t", tt.name, doing, g.Work(w))
		}
	}
}
