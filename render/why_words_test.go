package render

import (
	"strings"
	"testing"
	"time"

	"github.com/ipctop/ipctop/diagnose"
	"github.com/ipctop/ipctop/model"
)

// wordsSnapshot returns a process with several threads, each of which waits for something.
func wordsSnapshot(objects []*model.Object, waits ...model.Wait) *model.Snapshot {
	s := &model.Snapshot{Schema: model.Schema, Taken: time.Unix(1700000000, 0), Objects: objects}
	for i := range waits {
		w := &waits[i]
		w.Comm, w.Confirmed, w.Timed, w.BlockedFor = "p", true, model.Some(false), model.Some(int64(time.Minute))
		if w.TID == 0 {
			w.TID = w.PID
		}
		if n := len(s.Processes); n > 0 && s.Processes[n-1].PID == w.PID {
			p := s.Processes[n-1]
			p.Threads, p.ThreadList = p.Threads+1, append(p.ThreadList, model.Thread{TID: w.TID, Comm: "t", State: "S"})
			continue
		}
		s.Processes = append(s.Processes, &model.Process{
			PID: w.PID, PPID: 1, Comm: "p", State: "S", Threads: 1, Signals: &model.Signals{Caught: []string{}, Ignored: []string{}, Blocked: []string{}},
			ThreadList: []model.Thread{{TID: w.TID, Comm: "p", State: "S"}},
		})
	}
	s.Waits = waits
	s.Scan.Processes = len(s.Processes)
	diagnose.Run(s, diagnose.Options{MinAge: time.Second})
	return s
}

func fdOf(pid, fd int32, a model.Access) model.Holder {
	return model.Holder{PID: pid, Comm: "p", Via: model.ViaFD, FD: model.Some(fd), Access: a}
}

// TestWhyOfOwnEnd: a process that has the other end itself is not told that nobody has it.
func TestWhyOfOwnEnd(t *testing.T) {
	pipe := func(writers ...model.Holder) []*model.Object {
		return []*model.Object{{ID: "pipe:1", Kind: model.Pipe, Detail: new(model.PipeDetail), Holders: append(writers, fdOf(10, 3, model.Read))}}
	}
	read := model.Wait{PID: 10, Call: "read", Needs: model.NeedsData, Object: "pipe:1"}
	for want, objects := range map[string][]*model.Object{
		"no other visible process can write to it: only the process itself could": pipe(fdOf(10, 4, model.Write)),
		"holders of pipe:1 may be missing":                                        pipe(),
	} {
		if text := whyText80(t, wordsSnapshot(objects, read), Options{Width: Unwrapped}, "10"); !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

// TestFoundIsNotIdle: a process is not called idle if a finding says that it waits for others.
func TestFoundIsNotIdle(t *testing.T) {
	queue := []*model.Object{{
		ID: "sysv-msg:1", Kind: model.SysvMsg, SysvID: model.Some(1), Detail: &model.SysvMsgDetail{Messages: model.Some(int64(3))},
	}}
	typed := func(tid int) model.Wait {
		return model.Wait{PID: 10, TID: tid, Call: "msgrcv", Needs: model.NeedsMessage, Object: "sysv-msg:1", Target: &model.Target{MessageType: model.Some(5)}}
	}
	for name, s := range map[string]*model.Snapshot{
		"one thread": wordsSnapshot(queue, typed(10)), "two threads": wordsSnapshot(queue, typed(10), typed(11)),
	} {
		for _, ref := range []string{"10", "sysv-msg:1"} {
			text := whyText80(t, s, Options{Width: Unwrapped}, ref)
			if len(s.Findings) == 0 || strings.Contains(text, "idle") || strings.Contains(text, "for work") {
				t.Errorf("%s, why %s: %d findings\n%s", name, ref, len(s.Findings), text)
			}
		}
	}

	// The process for which others wait itself waits for work, and holds a lock meanwhile.
	file := []*model.Object{{
		ID: "file:1", Kind: model.File, HoldersComplete: true, Detail: &model.FileDetail{Locks: []model.Lock{{Type: "flock", Mode: "WRITE", Holders: []int{20}}}},
	}}
	s := wordsSnapshot(file,
		model.Wait{PID: 10, Call: "flock", Needs: model.NeedsLock, Object: "file:1", Target: &model.Target{LockType: "flock", Mode: "WRITE", Range: "0-EOF", FD: model.Some(3)}},
		model.Wait{PID: 20, Call: "mq_timedreceive", Needs: model.NeedsMessage, Object: "posix-mq:1"})
	if text := whyText80(t, s, Options{Width: Unwrapped}, "20"); strings.Contains(text, "it is idle") || !strings.Contains(text, "others wait for this one") {
		t.Errorf("why of a lock's holder says\n%s", text)
	}
}
