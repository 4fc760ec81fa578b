package main

import (
	"context"
	"fmt"
	"time"

	"github.com/ipctop/ipctop/traffic"
)

// measure is the traffic of as long as --rates asks for, nil if it does not.
func (o *options) measure(ctx context.Context) (*traffic.Sample, error) {
	if o.rates == 0 {
		return nil, nil
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
	return meter.Sample()
}

// startMeter begins to count traffic.
func (o *options) startMeter() (*traffic.Meter, error) {
	if o.source == sourceProc {
		return nil, usageError("--rates needs eBPF: it does not go with --source procfs")
	}
	meter, err := traffic.Start()
	if err != nil {
		return nil, fmt.Errorf("rates cannot be measured: %w", err)
	}
	return meter, nil
}
