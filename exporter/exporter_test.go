package exporter

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/ipctop/ipctop/diagnose"
	"github.com/ipctop/ipctop/metrics"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/model/modeltest"
)

var quiet = slog.New(slog.DiscardHandler)

// machine is a scan that can fail and block, and a clock.
type machine struct {
	mu     sync.Mutex
	now    time.Time
	err    error
	scans  int
	inside atomic.Int32  // number of concurrent scans
	gate   chan struct{} // nil: scans do not block
}

func (m *machine) scan(context.Context) (*model.Snapshot, error) {
	if m.inside.Add(1) > 1 {
		panic("two scans at a time")
	}
	defer m.inside.Add(-1)
	if m.gate != nil {
		<-m.gate
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.scans++
	if m.err != nil {
		return nil, m.err
	}
	return modeltest.Rich(), nil
}

func (m *machine) clock() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

func (m *machine) pass(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = m.now.Add(d)
}

func (m *machine) exporter(t *testing.T) *Exporter {
	m.now = modeltest.Taken
	return New(t.Context(), Options{
		Scan: m.scan, Count: metrics.Options{Rules: diagnose.Rules()}, MinInterval: 5 * time.Second, Version: "v1.2.3", Now: m.clock,
	})
}

func get(h http.Handler, path string) (int, string) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Code, w.Body.String()
}

func TestMetrics(t *testing.T) {
	m := new(machine)
	x := m.exporter(t)
	h := x.Handler(quiet)
	status, body := get(h, "/metrics")
	for _, line := range []string{
		`ipctop_findings{confidence="likely",container="",rule="pipe-full",severity="warning"} 1`,
		`ipctop_build_info{goversion="`, `version="v1.2.3"} 1`, "ipctop_scans_total 1", "process_cpu_seconds_total ", "ipctop_processes 231",
	} {
		if !strings.Contains(body, line) {
			t.Errorf("status %d: no %s in\n%s", status, line, body)
		}
	}
	if problems, err := promlint.New(strings.NewReader(body)).Lint(); err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v %v", problems, err)
	}
	for path, want := range map[string]int{"/": 404, "/metrics/": 404, "/debug/pprof/": 404, "/-/reload": 404, "/healthz": 200} {
		if got, _ := get(h, path); got != want {
			t.Errorf("%s: status %d, want %d", path, got, want)
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/metrics", nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: status %d", w.Code)
	}
}

// TestManyScrapers: one scan is made in each interval, however many scrapers there are.
func TestManyScrapers(t *testing.T) {
	m := &machine{gate: make(chan struct{})}
	x := m.exporter(t)
	h := x.Handler(quiet)
	var all sync.WaitGroup
	for range maxRequests {
		all.Go(func() {
			if status, _ := get(h, "/metrics"); status != http.StatusOK {
				t.Errorf("status %d", status)
			}
		})
	}
	close(m.gate)
	all.Wait()
	if m.scans != 1 {
		t.Errorf("%d scans", m.scans)
	}
	m.pass(4 * time.Second)
	get(h, "/metrics")
	if m.scans != 1 {
		t.Errorf("%d scans after 4 s", m.scans)
	}
	m.pass(time.Second)
	get(h, "/metrics")
	if m.scans != 2 {
		t.Errorf("%d scans after 5 s", m.scans)
	}
}

// TestFailure: a failed scan is an error for scrapers until a scan succeeds.
func TestFailure(t *testing.T) {
	m := &machine{err: errors.New("no /proc")}
	x := m.exporter(t)
	h := x.Handler(quiet)
	if err := x.First(); err == nil {
		t.Error("the first scan did not fail")
	}
	for _, path := range []string{"/metrics", "/healthz"} {
		if status, body := get(h, path); status < 500 || !strings.Contains(body, "no /proc") {
			t.Errorf("%s: status %d, %s", path, status, body)
		}
	}
	m.err = nil
	m.pass(time.Minute)
	if status, _ := get(h, "/metrics"); status != http.StatusOK {
		t.Errorf("status %d after it has recovered", status)
	}
	if status, _ := get(h, "/healthz"); status != http.StatusOK {
		t.Errorf("not healthy after it has recovered")
	}
	m.pass(time.Minute)
	if _, body := get(h, "/metrics"); !strings.Contains(body, "ipctop_scan_failures_total 1\n") {
		t.Error("the failure is not counted")
	}
}

// TestHungScan: a scan that takes a minute makes the exporter unhealthy, and its waiters
// are released when the exporter ends.
func TestHungScan(t *testing.T) {
	m := &machine{gate: make(chan struct{})}
	ctx, cancel := context.WithCancel(t.Context())
	x := m.exporter(t)
	x.ctx = ctx
	h := x.Handler(quiet)
	first := make(chan error, 1)
	go func() { first <- x.First() }()
	for m.inside.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	if status, _ := get(h, "/healthz"); status != http.StatusOK {
		t.Error("a scan that has just begun is not healthy")
	}
	m.pass(2 * hung)
	if status, body := get(h, "/healthz"); status != http.StatusServiceUnavailable {
		t.Errorf("a hung scan: status %d, %s", status, body)
	}
	waiting := make(chan int, 1)
	go func() { status, _ := get(h, "/metrics"); waiting <- status }()
	cancel()
	if status := <-waiting; status < 500 {
		t.Errorf("who waited got status %d", status)
	}
	close(m.gate)
	<-first
}

func readAll(t *testing.T, r *http.Response) string {
	t.Helper()
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
