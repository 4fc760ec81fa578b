package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ipctop/ipctop/testfixtures"
)

// loopbackAddress is an address of the loopback interface on which nobody listens.
func loopbackAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// httpGet repeats a request until its status is 200, and returns the answer.
func httpGet(t *testing.T, url string) string {
	t.Helper()
	why := ""
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		r, err := http.Get(url)
		if err != nil {
			why = err.Error()
			continue
		}
		b, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err == nil && r.StatusCode == http.StatusOK {
			return string(b)
		}
		why = r.Status
	}
	t.Fatalf("%s: %s", url, why)
	return ""
}

// startExporter starts ipctop exporter as a separate process.
func startExporter(t *testing.T) (address string) {
	t.Helper()
	address = loopbackAddress(t)
	cmd := self("exporter", "--web.listen-address", address, "--min-interval", "1s")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the exporter ended with %v", err)
		}
	})
	return address
}

// TestExporter: the metrics contain no pids and are well-formed.
func TestExporter(t *testing.T) {
	run, err := testfixtures.Start(t.Context(), "pipe", "unix", "sysv-msg", "posix-mq", "posix-shm", "memfd")
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	address := startExporter(t)
	text := httpGet(t, "http://"+address+"/metrics")
	for _, want := range []string{"ipctop_processes ", `ipctop_objects{kind="pipe"} `, "process_cpu_seconds_total ", `ipctop_findings{confidence="certain",container="",rule="deadlock",`} {
		if !strings.Contains(text, "\n"+want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	pids := map[string]bool{}
	for _, inst := range run.Instances {
		for _, pid := range inst.PIDs {
			pids[strconv.Itoa(pid)] = true
		}
	}
	labels := regexp.MustCompile(`([a-z_]+)="((?:[^"\\]|\\.)*)"`)
	for line := range strings.Lines(text) {
		for _, l := range labels.FindAllStringSubmatch(line, -1) {
			if l[1] == "pid" || l[1] == "tid" || l[1] == "comm" {
				t.Errorf("a label that comes and goes: %s", line)
			}
			if l[1] != "name" && l[1] != "container" || strings.HasPrefix(l[2], ":") {
				continue // a port, a user id or a namespace may be the same number
			}
			for _, number := range regexp.MustCompile(`[0-9]+`).FindAllString(l[2], -1) {
				if pids[number] {
					t.Errorf("a pid: %s", line)
				}
			}
		}
	}
	if httpGet(t, "http://"+address+"/healthz") != "ok\n" {
		t.Error("it is not healthy")
	}
	if promtool, err := exec.LookPath("promtool"); err == nil {
		check := exec.Command(promtool, "check", "metrics")
		check.Stdin = strings.NewReader(text)
		if out, err := check.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("promtool check metrics: %v\n%s", err, out)
		}
	}
}

func TestExporterUsage(t *testing.T) {
	for _, tt := range []struct{ args, stderr string }{
		{"--from x.json", "check -o openmetrics"},
		{"--min-interval 1ms", "at least"},
		{"--names 0", "at least 1"},
		{"x", "takes no arguments"},
	} {
		if status, stdout, stderr := run(t, "", append([]string{"exporter"}, strings.Fields(tt.args)...)...); status != exitUsage || stdout != "" || !strings.Contains(stderr, tt.stderr) {
			t.Errorf("exporter %s: status %d, %q, %q", tt.args, status, stdout, stderr)
		}
	}
}

// A real Prometheus scrapes ipctop exporter. The alert of contrib/prometheus fires while
// there is a deadlock, and resolves when it is gone.
func TestProgramPrometheus(t *testing.T) {
	skipIfLate(t)
	if _, err := exec.LookPath("prometheus"); err != nil {
		t.Skip("prometheus is not installed")
	}
	if os.Geteuid() != 0 {
		t.Skip("where processes are hidden no deadlock is more than possible, and that is no alert")
	}
	// Tests of other packages make deadlocks, too.
	if !apart(t) {
		return
	}
	rules, err := filepath.Abs("../../contrib/prometheus/ipctop.rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	address, own, dir := startExporter(t), loopbackAddress(t), t.TempDir()
	config := filepath.Join(dir, "prometheus.yml")
	writeFile(t, config, fmt.Sprintf("global: { scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }\nrule_files: [%q]\n"+
		"scrape_configs:\n  - job_name: ipctop\n    static_configs: [{ targets: [%q] }]\n", rules, address))
	startReal(t, "prometheus", "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+own, "--log.level=warn")
	type alert struct {
		State  string
		Labels map[string]string
	}
	fires := func() bool {
		var answer struct{ Data struct{ Alerts []alert } }
		if err := json.Unmarshal([]byte(httpGet(t, "http://"+own+"/api/v1/alerts")), &answer); err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(answer.Data.Alerts, func(a alert) bool {
			return a.State == "firing" && a.Labels["alertname"] == "IPCDeadlock" && a.Labels["rule"] == "deadlock"
		})
	}
	until := func(what string, want bool) {
		t.Helper()
		for end := time.Now().Add(2 * time.Minute); fires() != want; time.Sleep(200 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%s: there is no such thing in two minutes:\n%s", what, httpGet(t, "http://"+own+"/api/v1/query?query=ipctop_findings%3E0"))
			}
		}
	}
	until("a machine without a deadlock", false)
	run, err := testfixtures.Start(t.Context(), "deadlock")
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	until("an alert beside a deadlock", true)
	run.Close()
	until("its end after the deadlock's", false)
}
