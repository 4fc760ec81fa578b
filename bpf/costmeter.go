package bpf

import (
	"context"
	"runtime"
	"sync"
	"time"
)

// costWindow is how long the kernel measures programs each time: measuring makes them
// slower.
const costWindow = 50 * time.Millisecond

// CostMeter finds out which share of all processors programs take, by measuring for
// short moments. Its methods may be called concurrently.
type CostMeter struct {
	of      measured
	ctx     context.Context // ends when measuring ends
	stop    context.CancelFunc
	running sync.WaitGroup

	mu    sync.Mutex
	busy  bool
	known bool
	share float64
}

// measured is a [Counter] or a [Tracer].
type measured interface {
	MeasureCost(on bool) error
	Cost() (Cost, error)
}

// NewCostMeter makes a meter for a [Counter] or a [Tracer], and begins to measure.
func NewCostMeter(of measured) *CostMeter {
	c := &CostMeter{of: of}
	c.ctx, c.stop = context.WithCancel(context.Background())
	c.Measure()
	return c
}

// Measure measures for a moment, in the background.
func (c *CostMeter) Measure() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.busy || c.ctx.Err() != nil {
		return
	}
	before, err := c.of.Cost()
	if err != nil || c.of.MeasureCost(true) != nil {
		return // the share stays unknown
	}
	began := time.Now()
	c.busy = true
	c.running.Go(func() {
		select {
		case <-time.After(costWindow):
		case <-c.ctx.Done():
		}
		after, err := c.of.Cost()
		lasted := time.Since(began)
		_ = c.of.MeasureCost(false)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.busy = false
		if err == nil && lasted > 0 {
			c.known, c.share = true, min(float64(after.Spent-before.Spent)/float64(lasted)/float64(runtime.NumCPU()), 1)
		}
	})
}

// Last returns the share of all processors, 0 to 1, that was measured last.
func (c *CostMeter) Last() (share float64, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.share, c.known
}

// Close stops measuring. It must be called before the measured object is closed.
func (c *CostMeter) Close() {
	c.stop()
	c.running.Wait()
}
