package bpf

import (
	"fmt"
	"io"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// Cost is the processor time that the programs have taken until now, as far as the
// kernel measured them: see [CostMeter]. The time for entering and leaving a program is
// not included.
type Cost struct {
	Spent time.Duration
	Runs  uint64
}

// add adds the cost of some programs.
func (c *Cost) add(programs map[string]*ebpf.Program) error {
	for name, p := range programs {
		s, err := p.Stats()
		if err != nil {
			return fmt.Errorf("what program %s takes: %w", name, err)
		}
		c.Spent += s.Runtime
		c.Runs += s.RunCount
	}
	return nil
}

// statistics is on while the kernel measures programs (BPF_ENABLE_STATS of bpf(2)).
type statistics struct{ descriptor io.Closer }

func (s *statistics) set(on bool) (err error) {
	switch {
	case on && s.descriptor == nil:
		descriptor, err := ebpf.EnableStats(uint32(unix.BPF_STATS_RUN_TIME))
		if err != nil {
			return fmt.Errorf("measure programs: %w", err)
		}
		s.descriptor = descriptor
	case !on && s.descriptor != nil:
		err = s.descriptor.Close()
		s.descriptor = nil
	}
	return err
}

// MeasureCost switches on or off that the kernel measures how long programs run.
// Measuring itself takes time, for every eBPF program of the machine.
func (c *Counter) MeasureCost(on bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.collection == nil {
		return ErrClosed
	}
	return c.statistics.set(on)
}

// Cost is what was measured until now.
func (c *Counter) Cost() (sum Cost, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.collection == nil {
		return Cost{}, ErrClosed
	}
	err = sum.add(c.collection.Programs)
	return sum, err
}

// MeasureCost is like [Counter.MeasureCost]. It may be called concurrently with the other
// methods, except Close.
func (t *Tracer) MeasureCost(on bool) error {
	t.measuring.Lock()
	defer t.measuring.Unlock()
	return t.statistics.set(on)
}

// Cost is what was measured until now. It may be called concurrently with the other
// methods, except Close.
func (t *Tracer) Cost() (sum Cost, err error) {
	for _, c := range t.collections {
		if err := sum.add(c.Programs); err != nil {
			return Cost{}, err
		}
	}
	return sum, nil
}
