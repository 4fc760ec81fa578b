package bpf

import (
	"fmt"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// Cost is what the programs have taken of all processors until now, as far as the kernel
// measured them: see [Counter.MeasureCost]. The way into and out of a program is not in it.
type Cost struct {
	Spent time.Duration
	Runs  uint64
}

// MeasureCost has the kernel measure how long the programs run (BPF_ENABLE_STATS of
// bpf(2)), or no longer: to measure takes time itself, of every eBPF program of the
// machine.
func (c *Counter) MeasureCost(on bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.collection == nil:
		return ErrClosed
	case on && c.statistics == nil:
		statistics, err := ebpf.EnableStats(uint32(unix.BPF_STATS_RUN_TIME))
		if err != nil {
			return fmt.Errorf("measure programs: %w", err)
		}
		c.statistics = statistics
	case !on && c.statistics != nil:
		err := c.statistics.Close()
		c.statistics = nil
		return err
	}
	return nil
}

// Cost is what was measured until now.
func (c *Counter) Cost() (sum Cost, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.collection == nil {
		return Cost{}, ErrClosed
	}
	for name, p := range c.collection.Programs {
		s, err := p.Stats()
		if err != nil {
			return Cost{}, fmt.Errorf("what program %s takes: %w", name, err)
		}
		sum.Spent += s.Runtime
		sum.Runs += s.RunCount
	}
	return sum, nil
}
