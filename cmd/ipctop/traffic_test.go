package main

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/testfixtures"
)

func TestFixturesTraffic(t *testing.T) {
	skipIfLate(t)
	ownHome(t)
	status, out, _ := run(t, "", "fixtures", "--traffic=10MiB", "--for", "1ms", "--json", "unix", "pipe")
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	if status != exitOK || len(lines) != 3 || !strings.HasPrefix(lines[0], `{"ready":true,`) {
		t.Fatalf("status %d, lines %q", status, lines)
	}
	for i, name := range []string{"pipe", "unix"} {
		var c testfixtures.Channel
		if err := json.Unmarshal([]byte(lines[i+1]), &c); err != nil {
			t.Fatal(err)
		}
		if c.Name != name || !strings.HasPrefix(c.Objects[0], name+":") || c.Sender.Sent.Bytes == 0 || c.Sender.Sent.Bytes != c.Receiver.Received.Bytes {
			t.Errorf("line of %s: %s", name, lines[i+1])
		}
	}
	status, out, _ = run(t, "", "fixtures", "--traffic", "--for", "1ms", "eventfd")
	if status != exitOK || !strings.Contains(out, "calls/s") {
		t.Errorf("status %d, stdout %q", status, out)
	}
}

func TestRatesUsage(t *testing.T) {
	for _, tt := range []struct{ args, want string }{
		{"dump --rates -1s", "cannot be negative"},
		{"dump --rates 1s --from x", "does not work with --from"},
		{"record --rates 5s --every 5s x", "shorter than --every"},
		{"check --rates -1s", "cannot be negative"},
		{"exporter --rates 9s --min-interval 5s", "shorter than --min-interval"},
	} {
		status, out, stderr := run(t, "", strings.Fields(tt.args)...)
		if status != exitUsage || out != "" || !strings.Contains(stderr, tt.want) {
			t.Errorf("%s: status %d, stdout %q, stderr %q", tt.args, status, out, stderr)
		}
	}
}

// TestDumpRates sends data through a pipe while rates are measured.
func TestDumpRates(t *testing.T) {
	if _, err := openSource(); err != nil {
		t.Skip(err)
	}
	ownHome(t)
	data, err := testfixtures.StartTraffic(t.Context(), "pipe")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- data.Channels[0].Run(ctx, 0) }()
	status, out, _ := run(t, "", "dump", "--rates", "300ms", "--only", "traffic", "--json")
	checked, asJSON, _ := run(t, "", "check", "--rates", "100ms", "--fail-on", "never", "--json")
	_, metrics, _ := run(t, "", "check", "--rates", "100ms", "--fail-on", "never", "-o", "openmetrics")
	stop()
	if err := errors.Join(<-done, data.Close()); err != nil {
		t.Error(err)
	}
	snap, err := model.Decode(strings.NewReader(out))
	if err != nil || status != exitOK {
		t.Fatalf("status %d, %v", status, err)
	}
	if cost, known := snap.Scan.Rates.Cost.Get(); !known || cost <= 0 || cost > 1 {
		t.Errorf("it costs %v, %v", cost, known)
	}
	c := data.Channels[0]
	if checked != exitOK && checked != exitIncomplete || !strings.Contains(asJSON, `"object":"`+c.Objects[0]+`"`) {
		t.Errorf("check: status %d; %s has no traffic in %.300s", checked, c.Objects[0], asJSON)
	}
	if !strings.Contains(metrics, `ipctop_traffic_bytes_per_second{kind="pipe",direction="sent"}`) {
		t.Errorf("no metric of pipes in %s", metrics)
	}
	for i := range snap.Traffic {
		if tr := &snap.Traffic[i]; tr.Object == c.Objects[0] {
			n, bytes := tr.Rate()
			if len(tr.Pairs) != 1 || tr.Pairs[0].From != c.Sender.PID || tr.Pairs[0].To != c.Receiver.PID || n.Or(0) == 0 || !bytes {
				t.Errorf("traffic %+v", tr)
			}
			return
		}
	}
	t.Errorf("%s has no traffic among %d", c.Objects[0], len(snap.Traffic))
}

// TestDumpRatesWithoutEBPF sends data through a connection: its socket counts the bytes.
func TestDumpRatesWithoutEBPF(t *testing.T) {
	ownHome(t)
	data, err := testfixtures.StartTraffic(t.Context(), "tcp")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- data.Channels[0].Run(ctx, 0) }()
	status, out, stderr := run(t, "", "dump", "--rates", "300ms", "--source", "procfs", "--only", "traffic", "--json")
	stop()
	if err := errors.Join(<-done, data.Close()); err != nil {
		t.Error(err)
	}
	snap, err := model.Decode(strings.NewReader(out))
	if err != nil || status != exitOK || !strings.Contains(stderr, "no eBPF (--source procfs): rates are of TCP sockets") {
		t.Fatalf("status %d, %v, stderr %q", status, err, stderr)
	}
	if r := snap.Scan.Rates; r == nil || r.Source != model.RatesCounters || r.Duration < int64(300*time.Millisecond) {
		t.Errorf("rates %+v", r)
	}
	for _, id := range data.Channels[0].Objects {
		i := slices.IndexFunc(snap.Traffic, func(t model.Traffic) bool { return t.Object == id })
		if i < 0 {
			t.Errorf("%s has no traffic among %d", id, len(snap.Traffic))
		} else if n, bytes := snap.Traffic[i].Rate(); !bytes || n.Or(0) <= 0 || snap.Traffic[i].AtLeast() {
			t.Errorf("traffic %+v", snap.Traffic[i])
		}
	}
}

func TestFixturesCompare(t *testing.T) {
	skipIfLate(t)
	ownHome(t)
	status, out, _ := run(t, "", "fixtures", "--compare", "--json", "posix-mq")
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	if status != exitOK || len(lines) != 3 { // as far as its messages go
		t.Fatalf("status %d, lines %q", status, lines)
	}
	for i, line := range lines {
		var c speed
		if err := json.Unmarshal([]byte(line), &c); err != nil || c.Channel != "posix-mq" || c.Size != comparedSizes[i] || c.BytesPerSecond <= 0 || c.RoundTrip <= 0 {
			t.Errorf("line %s (%v)", line, err)
		}
	}
}
