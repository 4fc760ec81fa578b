package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/traffic"
)

// measure measures for as long as --rates asks for, or takes what was measured since the
// last snapshot, and returns what adds that to the next one.
func (o *options) measure(ctx context.Context) (addTo func(*model.Snapshot), err error) {
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
	defer meter.Close()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(o.rates):
	}
	sample, err := meter.Sample()
	if err != nil {
		return nil, err
	}
	return sample.AddTo, nil
}

// startMeter begins to count traffic.
func (o *options) startMeter() (*traffic.Meter, error) {
	if o.source == sourceProc {
		return nil, usageError("rates need eBPF: they do not go with --source procfs")
	}
	meter, err := traffic.Start()
	if err != nil {
		return nil, fmt.Errorf("rates cannot be measured: %w", err)
	}
	return meter, nil
}

// liveRates makes what begins and ends to measure while one snapshot after the other is
// taken, and end, which ends it for good.
func liveRates(o *options) (set func(on bool) error, end func()) {
	var mu sync.Mutex
	var meter *traffic.Meter
	o.sampleRates = func() (func(*model.Snapshot), error) {
		mu.Lock()
		defer mu.Unlock()
		if meter == nil {
			return func(*model.Snapshot) {}, nil
		}
		sample, err := meter.Sample()
		if err != nil {
			return nil, err
		}
		return sample.AddTo, nil
	}
	set = func(on bool) error {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case on && meter == nil:
			var err error
			meter, err = o.startMeter()
			return err
		case !on && meter != nil:
			meter.Close()
			meter = nil
		}
		return nil
	}
	return set, func() { _ = set(false) }
}
