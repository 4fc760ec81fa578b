package metrics

import "github.com/ipctop/ipctop/model"

// traffic makes the families of measured traffic.
func (c *counter) traffic() {
	s := c.snapshot
	if s.Traffic == nil || s.Scan.Rates == nil {
		return
	}
	flows := func(get func(*model.Flow) model.Opt[int64]) {
		for i := range s.Traffic {
			t := &s.Traffic[i]
			if t.Sent != nil {
				c.addKnown(get(t.Sent), text(string(t.Kind)), "sent")
			}
			if t.Received != nil {
				c.addKnown(get(t.Received), text(string(t.Kind)), "received")
			}
		}
	}
	c.family("traffic_bytes_per_second", "", "Bytes a second through objects of a kind (--rates); without eBPF at least so many.", "kind", "direction")
	flows(func(f *model.Flow) model.Opt[int64] { return f.BytesPerSecond })
	c.family("traffic_calls_per_second", "", "Calls a second that carried something (--rates); of semaphores, eventfds and futexes operations. Without eBPF at least so many.", "kind", "direction")
	flows(func(f *model.Flow) model.Opt[int64] { return f.CallsPerSecond })
	c.family("traffic_measured", "seconds", "How long traffic was measured before the scan (--rates).")
	c.set(float64(s.Scan.Rates.Duration) / 1e9)
	c.family("traffic_cost", "ratio", "Share of all processors' time that the programs took that count (--rates).")
	if cost, ok := s.Scan.Rates.Cost.Get(); ok {
		c.set(float64(cost))
	}
}
