package traffic

import (
	"context"
	"runtime"
	"sync"
	"time"

	"github.com/ipctop/ipctop/model"
)

// costWindow is how long the kernel measures what the programs take, once for each
// sample: to measure makes them slower.
const costWindow = 50 * time.Millisecond

// coster finds out what counting takes, a moment of each time between two samples.
type coster struct {
	ctx     context.Context // until no more is measured
	stop    context.CancelFunc
	running sync.WaitGroup

	mu    sync.Mutex
	busy  bool
	share model.Opt[model.Ratio] // of all processors
}

// beginCost measures for a moment, while other things go on.
func (m *Meter) beginCost() {
	c := &m.cost
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.busy || c.ctx.Err() != nil {
		return
	}
	before, err := m.counter.Cost()
	if err != nil || m.counter.MeasureCost(true) != nil {
		return // it stays unknown
	}
	began := time.Now()
	c.busy = true
	c.running.Go(func() {
		select {
		case <-time.After(costWindow):
		case <-c.ctx.Done():
		}
		after, err := m.counter.Cost()
		lasted := time.Since(began)
		_ = m.counter.MeasureCost(false)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.busy = false
		if err == nil && lasted > 0 {
			c.share = model.Some(model.Ratio(min(float64(after.Spent-before.Spent)/float64(lasted)/float64(runtime.NumCPU()), 1)))
		}
	})
}

func (c *coster) last() model.Opt[model.Ratio] {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.share
}

func (c *coster) close() {
	c.stop()
	c.running.Wait()
}
