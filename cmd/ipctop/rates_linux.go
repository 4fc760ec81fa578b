package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ipctop/ipctop/bpf"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/traffic"
)

// measure measures traffic for the duration of --rates, or takes what was measured since
// the last snapshot. The function it returns adds the result to the next snapshot. Without
// eBPF two snapshots are compared: scan takes the first.
func (o *options) measure(ctx context.Context, scan func(context.Context) (*model.Snapshot, error)) (addTo func(*model.Snapshot), err error) {
	if o.sampleRates != nil {
		return o.sampleRates()
	}
	if o.rates == 0 {
		return func(*model.Snapshot) {}, nil
	}
	meter, err := o.startMeter()
	if err != nil {
		return nil, err
	}
	var before *model.Snapshot
	if meter != nil {
		defer meter.Close()
	} else if before, err = scan(ctx); err != nil {
		return nil, err
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(o.rates):
	}
	if meter == nil {
		return func(snap *model.Snapshot) { traffic.AddDifference(before, snap) }, nil
	}
	sample, err := meter.Sample()
	if err != nil {
		return nil, err
	}
	return sample.AddTo, nil
}

// startMeter begins to count traffic. It returns nil if eBPF is not available, and prints that once.
func (o *options) startMeter() (*traffic.Meter, error) {
	reason := "--source procfs"
	if o.source != sourceProc {
		meter, err := traffic.Start()
		switch unavailable := (*bpf.UnavailableError)(nil); {
		case err == nil:
			return meter, nil
		case o.source == sourceBPF || !errors.As(err, &unavailable):
			return nil, fmt.Errorf("rates cannot be measured: %w", err)
		}
		reason = err.Error()
	}
	if !o.countersReported && o.sampleRates == nil {
		fmt.Fprintf(o.stderr, "ipctop: no eBPF (%s): rates are of TCP sockets, and of pipes, terminals and System V queues what they were at least\n", reason)
	}
	o.countersReported = true
	return nil, nil
}

// liveRates sets o.sampleRates for snapshots that are taken one after the other. It returns
// set, which starts and stops measuring, and end, which stops it at the end.
func liveRates(o *options) (set func(on bool) error, end func()) {
	var mu sync.Mutex
	var meter *traffic.Meter
	var measured bool
	var last *model.Snapshot // without a meter, the next snapshot is compared with this one
	o.sampleRates = func() (func(*model.Snapshot), error) {
		mu.Lock()
		defer mu.Unlock()
		if !measured {
			return func(*model.Snapshot) {}, nil
		}
		if meter == nil {
			return func(snap *model.Snapshot) {
				mu.Lock()
				defer mu.Unlock()
				if last != nil {
					traffic.AddDifference(last, snap)
				}
				last = snap
			}, nil
		}
		sample, err := meter.Sample()
		if err != nil {
			return nil, err
		}
		return sample.AddTo, nil
	}
	set = func(on bool) error {
		mu.Lock()
		if on {
			defer mu.Unlock()
			if measured {
				return nil
			}
			var err error
			meter, err = o.startMeter()
			measured = err == nil
			return err
		}
		old := meter
		meter, measured, last = nil, false, nil
		mu.Unlock()
		if old != nil {
			old.Close() // not under the lock: it may take a second or two, and scans go on meanwhile
		}
		return nil
	}
	return set, func() { _ = set(false) }
}
