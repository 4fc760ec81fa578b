package exporter

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/exporter-toolkit/web"
	"golang.org/x/net/netutil"
)

// Limits of what clients may use of the exporter.
const (
	maxConnections = 64 // at each address
	maxRequests    = 16 // at a time; more get status 503
	maxHeader      = 16 << 10
	headerTime     = 5 * time.Second
	idleTime       = 2 * time.Minute // Prometheus keeps its connection between scrapes
	writeTime      = time.Minute
)

// endTime is how long requests may go on after the exporter was told to end.
const endTime = 200 * time.Millisecond

var errHung = fmt.Errorf("a scan has taken more than %v", hung)

// Handler serves /metrics and /healthz; everything else is not found.
func (e *Exporter) Handler(log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(e.Registry(), promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelError), ErrorHandling: promhttp.HTTPErrorOnError,
		MaxRequestsInFlight: maxRequests, EnableOpenMetrics: true,
	}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		if err := e.health(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, "ok\n")
	})
	return mux
}

// Serve answers at the addresses until ctx ends, which is no error. config names a file of
// Prometheus' exporter toolkit with certificates and users; "" means neither.
func Serve(ctx context.Context, h http.Handler, addresses []string, config string, log *slog.Logger) error {
	if err := web.Validate(config); err != nil {
		return fmt.Errorf("%s: %w", config, err)
	}
	ended := make(chan error, len(addresses))
	var servers []*http.Server
	defer func() {
		for _, s := range servers {
			_ = s.Close()
		}
	}()
	for _, address := range addresses {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
		if err != nil {
			return err
		}
		// The toolkit changes the server that it is given, so each address has its own.
		s := &http.Server{
			Handler: h, ReadHeaderTimeout: headerTime, IdleTimeout: idleTime, WriteTimeout: writeTime, MaxHeaderBytes: maxHeader,
			ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		}
		servers = append(servers, s)
		go func() {
			ended <- web.Serve(netutil.LimitListener(l, maxConnections), s, &web.FlagConfig{WebListenAddresses: &addresses, WebConfigFile: &config}, log)
		}()
	}
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTime)
	defer cancel()
	for _, s := range servers {
		if err := s.Shutdown(end); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
	}
	return nil
}
