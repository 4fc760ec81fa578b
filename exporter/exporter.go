package exporter

import (
	"context"
	"runtime"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/ipctop/ipctop/metrics"
	"github.com/ipctop/ipctop/model"
)

// Options say what is served.
type Options struct {
	// Scan takes a snapshot. Calls never overlap.
	Scan func(context.Context) (*model.Snapshot, error)

	Count       metrics.Options
	MinInterval time.Duration    // least time from the beginning of a scan to that of the next
	Version     string           // of ipctop
	Now         func() time.Time // nil is [time.Now]
}

// hung is the duration after which a scan is taken to hang.
const hung = time.Minute

// An Exporter scans when somebody asks for metrics.
type Exporter struct {
	Options
	ctx  context.Context // ends scans, not requests: several requests may wait for the same scan
	turn chan struct{}   // the sender of its one token may scan

	mu       sync.Mutex
	began    time.Time // of the last scan
	scanning bool
	families []metrics.Family // of the last scan
	err      error            // of the last scan

	scans, failures prometheus.Counter
}

// New makes an exporter; its scans end with ctx.
func New(ctx context.Context, o Options) *Exporter {
	if o.Now == nil {
		o.Now = time.Now
	}
	e := &Exporter{
		Options: o, ctx: ctx, turn: make(chan struct{}, 1),
		scans: prometheus.NewCounter(prometheus.CounterOpts{
			Name: metrics.Prefix + "scans_total", Help: "Scans since the exporter was started.",
		}),
		failures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: metrics.Prefix + "scan_failures_total", Help: "Scans that gave no snapshot.",
		}),
	}
	return e
}

// Registry has all metrics that are served: those of a scan, the exporter's own cost, and
// the version of ipctop.
func (e *Exporter) Registry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: metrics.Prefix + "build_info", Help: "Always 1: which ipctop this is.",
		ConstLabels: prometheus.Labels{"version": e.Version, "goversion": runtime.Version()},
	})
	build.Set(1)
	r.MustRegister(e, build, collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// scan takes a snapshot unless the last one is younger than MinInterval. A caller that asks
// during a scan waits for its end first.
func (e *Exporter) scan() ([]metrics.Family, error) {
	select {
	case e.turn <- struct{}{}:
	case <-e.ctx.Done():
		return nil, e.ctx.Err()
	}
	defer func() { <-e.turn }()
	e.mu.Lock()
	now := e.Now()
	if !e.began.IsZero() && now.Sub(e.began) < e.MinInterval {
		defer e.mu.Unlock()
		return e.families, e.err
	}
	e.began, e.scanning = now, true
	e.mu.Unlock()

	snap, err := e.Options.Scan(e.ctx)
	var families []metrics.Family
	e.scans.Inc()
	if err != nil {
		e.failures.Inc()
	} else {
		families = metrics.Of(snap, e.Count)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.scanning, e.families, e.err = false, families, err
	return families, err
}

// First takes a snapshot, so that an error is known before the first scrape.
func (e *Exporter) First() error {
	_, err := e.scan()
	return err
}

// health is nil if the last scan succeeded and none hangs.
func (e *Exporter) health() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.scanning && e.Now().Sub(e.began) > hung {
		return errHung
	}
	return e.err
}

// Describe implements [prometheus.Collector]: which families there are depends on the
// snapshot.
func (*Exporter) Describe(chan<- *prometheus.Desc) {}

// Collect implements [prometheus.Collector].
func (e *Exporter) Collect(to chan<- prometheus.Metric) {
	families, err := e.scan()
	to <- e.scans
	to <- e.failures
	if err != nil {
		to <- prometheus.NewInvalidMetric(prometheus.NewDesc(metrics.Prefix+"scan_duration_seconds", "", nil, nil), err)
		return
	}
	for _, f := range families {
		desc := prometheus.NewDesc(f.Name, f.Help, f.Labels, nil)
		for _, s := range f.Samples {
			to <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, s.Value, s.Values...)
		}
	}
}
