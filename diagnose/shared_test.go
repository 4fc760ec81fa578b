package diagnose

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ipctop/ipctop/model"
)

// TestSharedRecords diagnoses snapshots that share unchanged records, one after the other, and
// each of them separately: the findings must be equal. The snapshot before is read meanwhile and
// must not change.
func TestSharedRecords(t *testing.T) {
	const steps, objects = 400, 60
	r := rand.New(rand.NewPCG(1, 2))
	last := &newMachine().Snapshot
	for pid := 10; pid < 30; pid++ {
		last.Processes = append(last.Processes, &model.Process{
			PID: pid, PPID: 1, PGID: pid, SID: pid, Comm: fmt.Sprint("p", pid), State: "S", Threads: 1, UID: model.Some(1000), StartTime: before,
			Signals: &model.Signals{Caught: []string{}},
		})
	}
	last.Limits = []model.Limit{{Name: pipePagesSoft, Scope: &model.LimitScope{UID: model.Some(1000)}, Used: model.Some[int64](100), Max: model.Some[int64](100)}}
	q := Sequence{Options: Options{MinAge: time.Second}}
	found := map[string]bool{}
	for step := range steps {
		s := *last
		s.Objects = slices.Clone(last.Objects)
		for range r.IntN(4) { // often nothing changes
			changeObject(r, &s, r.IntN(objects))
		}
		if slices.Equal(s.Objects, last.Objects) {
			s.Objects = last.Objects
		}
		s.Waits = randomWaits(r, &s)
		fresh := s
		fresh.Waits = slices.Clone(s.Waits)
		anew := Sequence{Options: q.Options, suspected: q.suspected}
		was, read := saidOf(last), make(chan string)
		go func(last *model.Snapshot) { read <- saidOf(last) }(last)
		q.Run(&s)
		anew.Run(&fresh)
		if got := []string{<-read, saidOf(last)}; got[0] != was || got[1] != was {
			t.Fatalf("step %d: the snapshot before says\n%s\nand said\n%s", step, got, was)
		}
		if !reflect.DeepEqual(s.Findings, fresh.Findings) || !reflect.DeepEqual(s.Waits, fresh.Waits) {
			t.Fatalf("step %d: %s\nand anew: %s", step, summaries(s.Findings), summaries(fresh.Findings))
		}
		for _, f := range s.Findings {
			found[f.Rule] = true
		}
		last = &s
	}
	for _, rule := range []string{"no-reader", "small-pipe", "close-wait", "stale-socket-path", "open-permissions", "deleted-still-mapped", "fd-in-flight"} {
		if !found[rule] {
			t.Errorf("the walk never came to %s", rule)
		}
	}
}

// saidOf returns what the diagnosis wrote into a snapshot.
func saidOf(s *model.Snapshot) string {
	return string(model.AppendJSON(model.AppendJSON(nil, &s.Waits), &s.Findings))
}

func summaries(list []model.Finding) string {
	var b strings.Builder
	for _, f := range list {
		fmt.Fprintf(&b, "\n%s: %s", f.ID, f.Summary)
	}
	return b.String()
}

// changeObject inserts an object at a place, removes it, or replaces it.
func changeObject(r *rand.Rand, s *model.Snapshot, n int) {
	kinds := []model.Kind{model.Pipe, model.FIFO, model.Unix, model.TCP, model.PosixShm}
	o := &model.Object{Kind: kinds[n%len(kinds)], HoldersComplete: true, UID: model.Some(1000)}
	o.ID = fmt.Sprintf("%s:%d", o.Kind, n)
	o.Namespace = &model.Namespace{Type: "net", Inode: 1}
	for range r.IntN(3) {
		o.Holders = append(o.Holders, model.Holder{
			PID: int32(10 + r.IntN(20)), Via: model.ViaFD, FD: model.Some(int32(len(o.Holders))), Access: []model.Access{model.Read, model.Write}[r.IntN(2)],
		})
	}
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	switch o.Kind {
	case model.Unix:
		o.Detail = &model.UnixDetail{
			Type: "stream", State: pick("listen", "established", "stale"), Path: fmt.Sprint("/run/s", n%3), PathState: pick("own", "other"), PathDev: "0:1", PathIno: 5,
			InflightFDs: model.Some(int64(r.IntN(2))), Backlog: model.Some(int64(r.IntN(3))), BacklogMax: model.Some[int64](1),
		}
	case model.TCP:
		o.Detail = &model.InetDetail{State: pick("LISTEN", "ESTAB", "CLOSE-WAIT", "SYN-SENT"), Local: "127.0.0.1:80", Remote: "127.0.0.1:80"}
	case model.PosixShm:
		o.Path, o.Dev, o.Mode, o.Deleted, o.Detail = fmt.Sprint("/dev/shm/", n%2), "0:2", pick("0600", "0666"), r.IntN(2) == 0, new(model.MemoryDetail)
	default:
		o.Mode = pick("0600", "0666")
		o.Detail = &model.PipeDetail{Queued: model.Some(int64(r.IntN(2))), Capacity: model.Some(int64(4096 << r.IntN(3)))}
	}
	i, there := slices.BinarySearchFunc(s.Objects, o, model.CompareObjects)
	switch {
	case !there:
		s.Objects = slices.Insert(s.Objects, i, o)
	case r.IntN(3) == 0:
		s.Objects = slices.Delete(s.Objects, i, i+1)
	default:
		s.Objects[i] = o
	}
}

// randomWaits makes every process wait for one of the objects.
func randomWaits(r *rand.Rand, s *model.Snapshot) []model.Wait {
	var list []model.Wait
	for _, p := range s.Processes {
		w := model.Wait{
			PID: p.PID, TID: p.PID, Call: []string{"read", "write", "connect", "accept"}[r.IntN(4)], Needs: model.NeedsData, Confirmed: true, Timed: model.Some(false),
			BlockedFor: model.Some(int64(time.Minute)), Blockers: []model.Blocker{}, Target: &model.Target{FD: model.Some(0)},
		}
		if w.Call == "write" {
			w.Needs = model.NeedsSpace
		}
		if len(s.Objects) > 0 {
			w.Object = s.Objects[r.IntN(len(s.Objects))].ID
		}
		list = append(list, w)
	}
	return list
}
