package traffic

import (
	"time"

	"github.com/ipctop/ipctop/bpf"
	"github.com/ipctop/ipctop/model"
)

// Meter counts traffic from [Start] until it is closed.
type Meter struct {
	counter *bpf.Counter
	last    map[channel]amount
	since   time.Time
	cost    *bpf.CostMeter
}

// channel is a channel as one process uses it.
type channel struct {
	kind       bpf.ChannelType
	scope, num uint64
	mode       uint32
	pid        int
	start      uint64
	comm       string
}

// amount is what went through a channel.
type amount struct{ sentBytes, sentCalls, receivedBytes, receivedCalls uint64 }

func (a *amount) add(b amount) {
	a.sentBytes += b.sentBytes
	a.sentCalls += b.sentCalls
	a.receivedBytes += b.receivedBytes
	a.receivedCalls += b.receivedCalls
}

// minus is the growth since b. If the counters restarted in between, all of a is new.
func (a amount) minus(b amount) amount {
	if a.sentCalls < b.sentCalls || a.receivedCalls < b.receivedCalls {
		return a
	}
	return amount{a.sentBytes - b.sentBytes, a.sentCalls - b.sentCalls, a.receivedBytes - b.receivedBytes, a.receivedCalls - b.receivedCalls}
}

// Start begins to count.
func Start() (*Meter, error) {
	counter, err := bpf.Count()
	if err != nil {
		return nil, err
	}
	return &Meter{counter: counter, last: map[channel]amount{}, since: time.Now(), cost: bpf.NewCostMeter(counter)}, nil
}

// Close ends the counting.
func (m *Meter) Close() {
	m.cost.Close()
	m.counter.Close()
}

// Owns reports whether a descriptor of the calling process belongs to the counting.
func (m *Meter) Owns(fd int) bool { return m.counter.Owns(fd) }

// Sample is what went through the channels between two times.
type Sample struct {
	Duration time.Duration

	flows        map[channel]amount
	requests     bool
	functions    bool
	lost, hidden uint64
	cost         model.Opt[model.Ratio]
}

// Sample returns what went through the channels since the last call, or since [Start]. If many
// channels are counted it drops those through which nothing went, to make room for others.
func (m *Meter) Sample() (*Sample, error) {
	s := &Sample{flows: map[channel]amount{}, requests: m.counter.Requests, functions: m.counter.Functions}
	now, counts := time.Now(), map[channel]amount{}
	err := m.counter.Read(func(t *bpf.Traffic) {
		c := counts[channelOf(t)]
		c.add(amount{t.SentBytes, t.SentCalls, t.ReceivedBytes, t.ReceivedCalls})
		counts[channelOf(t)] = c
	})
	if err != nil {
		return nil, err
	}
	s.Duration = now.Sub(m.since)
	quiet := map[channel]bool{}
	for c, n := range counts {
		if d := n.minus(m.last[c]); d != (amount{}) {
			s.flows[c] = d
		} else {
			quiet[c] = true
		}
	}
	if s.lost, s.hidden, err = m.counter.Lost(); err != nil {
		return nil, err
	}
	if len(counts) > manyChannels && len(quiet) > 0 {
		for c := range quiet {
			delete(counts, c)
		}
		if err := m.counter.Forget(func(t *bpf.Traffic) bool { return quiet[channelOf(t)] }); err != nil {
			return nil, err
		}
	}
	m.last, m.since = counts, now
	if share, ok := m.cost.Last(); ok {
		s.cost = model.Some(model.Ratio(share))
	}
	m.cost.Measure()
	return s, nil
}

// manyChannels is the number of counted channels above which idle ones are dropped: a
// quarter of the room.
const manyChannels = 4096

func channelOf(t *bpf.Traffic) channel {
	return channel{t.Type, t.Scope, t.Number, t.Mode, t.PID, t.StartTicks, t.Comm}
}
