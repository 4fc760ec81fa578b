package graph

import (
	"testing"
	"time"

	"github.com/ipctop/ipctop/model"
)

// TestRelease: the text about what would end a wait fits the kind of wait.
func TestRelease(t *testing.T) {
	s := &model.Snapshot{Objects: []*model.Object{
		{ID: "pipe:1", Kind: model.Pipe, Detail: new(model.PipeDetail)},
		{ID: "pty:1", Kind: model.Pty, Detail: new(model.PtyDetail)},
		{ID: "unix:1", Kind: model.Unix, Detail: &model.UnixDetail{Type: "stream"}},
		{ID: "unix:2", Kind: model.Unix, Detail: &model.UnixDetail{Type: "dgram"}},
		{ID: "eventfd:1", Kind: model.Eventfd, Detail: new(model.EventfdDetail)},
		{ID: "udp:1", Kind: model.UDP, Detail: new(model.InetDetail)},
		{ID: "futex:10:0x10", Kind: model.Futex, Detail: &model.FutexDetail{Type: "join", OwnerTID: model.Some(77)}},
		{ID: "futex:10:0x20", Kind: model.Futex, Detail: &model.FutexDetail{Type: "join"}},
	}}
	g := New(model.NewIndex(s))
	received := func(n int, others bool) model.Wait {
		return model.Wait{Call: "msgrcv", Needs: model.NeedsMessage, Object: "sysv-msg:1", Target: &model.Target{MessageType: model.Some(n), OtherTypes: others}}
	}
	opens := func(a model.Access) model.Wait {
		return model.Wait{Call: "openat", Needs: model.NeedsPeer, Target: &model.Target{Path: "/f", Access: a}}
	}
	for _, c := range []struct {
		name    string
		wait    model.Wait
		release string
		wants   string // "": it is not compared
	}{
		{name: "any message", wait: received(0, false), release: "somebody sends it a message", wants: "waits for a message on sysv-msg:1"},
		{name: "a type", wait: received(5, false), release: "somebody sends it a message of type 5", wants: "waits for a message of type 5 on sysv-msg:1"},
		{name: "small types", wait: received(-5, false), release: "somebody sends it a message of a type up to 5"},
		{name: "other types", wait: received(5, true), release: "somebody sends it a message of another type than 5"},
		{name: "full System V queue", wait: model.Wait{Call: "msgsnd", Needs: model.NeedsSpace, Object: "sysv-msg:1"}, release: "somebody receives a message from the queue"},
		{name: "full POSIX queue", wait: model.Wait{Call: "mq_timedsend", Needs: model.NeedsSpace, Object: "posix-mq:1"}, release: "somebody receives a message from the queue"},
		{name: "POSIX queue", wait: model.Wait{Call: "mq_timedreceive", Needs: model.NeedsMessage, Object: "posix-mq:1"}, release: "somebody sends it a message"},
		{name: "full pipe", wait: model.Wait{Call: "write", Needs: model.NeedsSpace, Object: "pipe:1"}, release: "somebody reads from the other end, or closes it"},
		{name: "full socket", wait: model.Wait{Call: "sendto", Needs: model.NeedsSpace, Object: "unix:1"}, release: "somebody reads from the other end, or closes it"},
		{name: "full datagram socket", wait: model.Wait{Call: "sendto", Needs: model.NeedsSpace, Object: "unix:2"}, release: "the receiver takes a datagram from its queue, or closes it"},
		{name: "full terminal", wait: model.Wait{Call: "write", Needs: model.NeedsSpace, Object: "pty:1"}, release: "the terminal's other end reads what was written, or is closed"},
		{name: "full counter", wait: model.Wait{Call: "write", Needs: model.NeedsSpace, Object: "eventfd:1"}, release: "somebody reads the eventfd"},
		{name: "terminal", wait: model.Wait{Call: "read", Needs: model.NeedsData, Object: "pty:1"}, release: "something is written to the terminal's other end, or that is closed"},
		{name: "datagram socket", wait: model.Wait{Call: "recvfrom", Needs: model.NeedsData, Object: "unix:2"}, release: "somebody sends it a datagram"},
		{
			name: "poll with a time limit", release: "something that it watches becomes ready, or its time is over", wants: "polls unix:1 (for 1s at most)",
			wait: model.Wait{Call: "poll", Needs: model.NeedsEvent, Objects: []string{"unix:1"}, Timed: model.Some(true), Timeout: model.Some(int64(time.Second))},
		},
		{name: "UDP", wait: model.Wait{Call: "recvfrom", Needs: model.NeedsData, Object: "udp:1"}, release: "a packet for it comes"},
		{name: "FIFO to read", wait: opens(model.Read), release: "somebody opens it to write", wants: "opens the FIFO /f to read"},
		{name: "FIFO to write", wait: opens(model.Write), release: "somebody opens it to read", wants: "opens the FIFO /f to write"},
		{name: "FIFO", wait: opens(""), release: "somebody opens the other end", wants: "opens the FIFO /f"},
		{
			name: "join", wait: model.Wait{Call: "futex", Needs: model.NeedsEvent, Object: "futex:10:0x10"}, release: "thread 77 ends",
			wants: "waits for thread 77 to end (pthread_join)",
		},
		{
			name: "join of whom", wait: model.Wait{Call: "futex", Needs: model.NeedsEvent, Object: "futex:10:0x20"}, release: "that thread ends",
			wants: "waits for a thread to end (pthread_join)",
		},
	} {
		if got := g.Release(&c.wait); got != c.release {
			t.Errorf("%s: released when %q, not %q", c.name, got, c.release)
		}
		if got := g.Wants(&c.wait); c.wants != "" && got != c.wants {
			t.Errorf("%s: it %q, not %q", c.name, got, c.wants)
		}
	}
}

// TestMayAct: two processes wait for each other's locks, but something makes it no deadlock.
func TestMayAct(t *testing.T) {
	sleeper := func(s *model.Snapshot) {
		s.Processes = append(s.Processes, &model.Process{PID: 40, Comm: "sleep", State: "S", Threads: 1, ThreadList: []model.Thread{{TID: 40, State: "S"}}})
		s.Objects[0].Detail.(*model.FileDetail).Locks[0].Holders = []int{10, 40}
		s.Waits = append(s.Waits, model.Wait{
			PID: 40, TID: 40, Call: "nanosleep", Needs: model.NeedsTime, Confirmed: true, Timed: model.Some(true),
			Timeout: model.Some(int64(100 * time.Second)), BlockedFor: model.Some(int64(90 * time.Second)),
		})
	}
	for _, c := range []struct {
		name   string
		change func(*model.Snapshot)
		want   string
	}{
		{"deadlock", func(*model.Snapshot) {}, ""},
		{"another one shares a lock", sleeper, "sleep(40) may act: it sleeps 10s more"},
		{"the other one has a limit", func(s *model.Snapshot) { s.Waits[1].Timed = model.Some(true) }, "p(20) may go on: the call has a time limit"},
		{"not confirmed", func(s *model.Snapshot) { s.Waits[0].Confirmed = false }, "p(10) may have gone on since"},
	} {
		s := circle()
		c.change(s)
		g := New(model.NewIndex(s))
		if got := g.MayAct(&s.Waits[0]); got != c.want {
			t.Errorf("%s: %q, not %q", c.name, got, c.want)
		}
	}
}
