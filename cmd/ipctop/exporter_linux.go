package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/ipctop/ipctop/diagnose"
	"github.com/ipctop/ipctop/exporter"
	"github.com/ipctop/ipctop/metrics"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/privilege"
)

// checkCached is how long cached facts of a process that has not run are used before they are
// read again and compared. With a scrape every 15 s that is one process in twenty at each scrape.
// With half a minute, as in the live view, it would be all of them at every other scrape.
const checkCached = 5 * time.Minute

// exporterOptions are the flags of exporter.
type exporterOptions struct {
	addresses   []string
	config      string
	minInterval time.Duration
	names       int
}

func (c command) newExporter(o *options) *cobra.Command {
	e := new(exporterOptions)
	cmd := &cobra.Command{
		Use:   "exporter",
		Short: "serve metrics for Prometheus",
		Long: "Serves /metrics for Prometheus, and /healthz, until Ctrl-C or SIGTERM: findings, blocked threads, objects, queues, listeners,\n" +
			"shared memory, limits, and what could not be read. Each scrape uses a scan; at most one scan begins per --min-interval,\n" +
			"however many clients ask. With --rates, traffic is measured for that long before each scan, so a scrape takes\n" +
			"that much longer.\n\n" +
			"It listens on the loopback interface only. To listen elsewhere, give it a --web.config.file with TLS and users, as other\n" +
			"Prometheus exporters take it: the metrics contain names of queues, sockets and shared memory.",
		Example: "  ipctop exporter\n" +
			"  ipctop exporter --web.listen-address :10042 --web.config.file /etc/ipctop/web.yml\n" +
			"  curl -s localhost:10042/metrics | grep ipctop_findings",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.exporter(cmd.Context(), o, e) },
	}
	f := cmd.Flags()
	f.StringSliceVar(&e.addresses, "web.listen-address", []string{"127.0.0.1:10042"}, "listen at this `ADDRESS:PORT`; may be repeated")
	f.StringVar(&e.config, "web.config.file", "", "`FILE` with TLS and basic authentication, as Prometheus' exporters take it")
	f.DurationVar(&e.minInterval, "min-interval", 5*time.Second, "begin a scan at most once per `TIME`")
	o.addRates(f)
	f.IntVar(&e.names, "names", metrics.DefaultNames, "give the `N` largest queues, listeners and shared memory objects series of their own, the rest one per kind")
	return cmd
}

func (e *exporterOptions) check(o *options) error {
	switch {
	case o.reads():
		return usageError("exporter watches a machine: --from does not apply here (ipctop check -o openmetrics takes it)")
	case len(e.addresses) == 0:
		return usageError("--web.listen-address names no address")
	case o.rates > 0 && o.rates >= e.minInterval:
		return usageError("--rates %v: it must be shorter than --min-interval %v", o.rates, e.minInterval)
	case e.minInterval < shortestDelay:
		return usageError("--min-interval %v: it must be at least %v", e.minInterval, shortestDelay)
	case e.names < 1:
		return usageError("--names %d: it must be at least 1", e.names)
	case privilege.Beyond() != "":
		return usageError("exporter would show everybody what its user may not see: %s", privilege.Beyond())
	}
	return o.checkRates()
}

// exporter serves metrics until it is told to end.
func (c command) exporter(ctx context.Context, o *options, e *exporterOptions) error {
	if err := e.check(o); err != nil {
		return err
	}
	if err := enoughFiles(); err != nil {
		return err
	}
	o.check = checkCached
	scan, done, err := machineScanner(o)
	if err != nil {
		return err
	}
	defer done()
	x := exporter.New(ctx, exporter.Options{
		Scan: func(ctx context.Context) (*model.Snapshot, error) {
			index, err := scan(ctx)
			if err != nil {
				return nil, err
			}
			return index.Snapshot, nil
		},
		Count: metrics.Options{Rules: diagnose.Rules(), Names: e.names}, MinInterval: e.minInterval, Version: buildVersion(),
	})
	err = x.First()
	if err == nil {
		log := slog.New(slog.NewTextHandler(c.stderr, nil))
		err = exporter.Serve(ctx, x.Handler(log), e.addresses, e.config, log)
	}
	if ctx.Err() != nil {
		return nil // Ctrl-C is the normal end
	}
	return err
}
