package traffic

import (
	"slices"

	"github.com/ipctop/ipctop/model"
)

// AddDifference adds to a snapshot what went through its objects since an earlier snapshot,
// without eBPF: from the numbers that the kernel keeps anyway. For TCP sockets these are byte
// counters. For pipes, FIFOs, terminals and System V queues they are the number of bytes
// queued and the time of the last message: a change gives the least that must have gone
// through. This needs no privilege and slows nobody down.
func AddDifference(before, after *model.Snapshot) {
	lasted := after.Taken.Sub(before.Taken)
	after.Scan.Rates = &model.RatesReport{Duration: max(int64(lasted), 0), Source: model.RatesCounters}
	after.Traffic = []model.Traffic{}
	if lasted <= 0 || before.Host.BootID != after.Host.BootID {
		return
	}
	earlier := make(map[string]*model.Object, len(before.Objects))
	for _, o := range before.Objects {
		earlier[o.ID] = o
	}
	for _, o := range after.Objects {
		was := earlier[o.ID]
		if was == nil || was == o || was.Kind != o.Kind || was.Gen != o.Gen || was.Detail == nil || o.Detail == nil ||
			after.OwnObject(o, after.Process) {
			continue
		}
		t := model.Traffic{Object: o.ID, Kind: o.Kind, Processes: []model.ProcessTraffic{}, Pairs: []model.PairTraffic{}}
		difference(&t, was.Detail, o.Detail)
		if t.Sent == nil && t.Received == nil {
			continue
		}
		s := Sample{Duration: lasted}
		for _, f := range []*model.Flow{t.Sent, t.Received} {
			if f != nil {
				s.perSecond(f)
				if f.AtLeast {
					f.CallsPerSecond = model.Opt[int64]{} // "at least one call" gives no rate
				}
			}
		}
		for i := range t.Processes {
			if p := after.Process(t.Processes[i].PID); p != nil {
				t.Processes[i].Comm = p.Comm
			}
		}
		after.Traffic = append(after.Traffic, t)
	}
	slices.SortFunc(after.Traffic, model.CompareTraffic)
}

// difference adds what went through an object between two states of it.
func difference(t *model.Traffic, was, is model.Detail) {
	switch is := is.(type) {
	case *model.InetDetail:
		if was, ok := was.(*model.InetDetail); ok && t.Kind == model.TCP {
			t.Sent, t.Received = grown(was.BytesAcked, is.BytesAcked), grown(was.BytesReceived, is.BytesReceived)
		}
	case *model.PipeDetail:
		if was, ok := was.(*model.PipeDetail); ok {
			t.Sent, t.Received = filled(was.Queued, is.Queued)
		}
	case *model.PtyDetail:
		if was, ok := was.(*model.PtyDetail); ok {
			t.Sent, t.Received = filled(was.Queued, is.Queued)
		}
	case *model.SysvMsgDetail:
		if was, ok := was.(*model.SysvMsgDetail); ok {
			t.Sent, t.Received = filled(was.Bytes, is.Bytes)
			if is.SendTime.After(was.SendTime) {
				t.Sent = atLeastOnce(t.Sent)
				t.Processes = append(t.Processes, model.ProcessTraffic{PID: is.LastSendPID.Or(0), Sent: atLeastOnce(nil)})
			}
			if is.RecvTime.After(was.RecvTime) {
				t.Received = atLeastOnce(t.Received)
				t.Processes = append(t.Processes, model.ProcessTraffic{PID: is.LastRecvPID.Or(0), Received: atLeastOnce(nil)})
			}
			t.Processes = slices.DeleteFunc(t.Processes, func(p model.ProcessTraffic) bool { return p.PID == 0 }) // unknown, or outside the pid namespace
		}
	}
}

// grown is the growth of a byte counter; nil if there was none, or if it is unknown.
func grown(was, is model.Opt[int64]) *model.Flow {
	a, known := was.Get()
	b, known2 := is.Get()
	if !known || !known2 || b <= a {
		return nil
	}
	return &model.Flow{Bytes: model.Some(b - a)}
}

// filled is the least that must have been sent or received, from the change of the queue's length.
func filled(was, is model.Opt[int64]) (sent, received *model.Flow) {
	sent, received = grown(was, is), grown(is, was)
	for _, f := range []*model.Flow{sent, received} {
		if f != nil {
			f.AtLeast = true
		}
	}
	return sent, received
}

// atLeastOnce says that a flow had at least one call. The flow may be nil.
func atLeastOnce(f *model.Flow) *model.Flow {
	if f == nil {
		f = new(model.Flow)
	}
	f.Calls, f.AtLeast = model.Some(int64(1)), true
	return f
}
