package exporter

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/ipctop/ipctop/diagnose"
	"github.com/ipctop/ipctop/metrics"
)

// TestContrib: the metrics, labels and rules that the alert rules, their tests and the
// dashboard name exist.
func TestContrib(t *testing.T) {
	known := map[string]map[string]bool{"ipctop_scans_total": {}, "ipctop_scan_failures_total": {}, "ipctop_build_info": {}}
	for _, f := range metrics.Families() {
		known[f.Name] = map[string]bool{"instance": true, "job": true}
		for _, l := range f.Labels {
			known[f.Name][l] = true
		}
	}
	ids := map[string]bool{}
	for _, r := range diagnose.Rules() {
		ids[r.ID] = true
	}
	metric := regexp.MustCompile(`\b(ipctop_[a-z_]+)(?:\{([^}]*)\})?`)
	label := regexp.MustCompile(`([a-z_]+)\s*(?:=~|!~|!=|=)\s*\\?"([^"\\]*)`)
	for _, name := range []string{"ipctop.rules.yml", "ipctop.rules.test.yml", "ipctop.dashboard.json"} {
		text, err := os.ReadFile(filepath.Join("../contrib/prometheus", name))
		if err != nil {
			t.Fatal(err)
		}
		used := metric.FindAllStringSubmatch(string(text), -1)
		if len(used) < 10 {
			t.Errorf("%s: only %d metrics", name, len(used))
		}
		for _, m := range used {
			labels, ok := known[m[1]]
			if !ok {
				t.Errorf("%s: there is no metric %s", name, m[1])
				continue
			}
			for _, l := range label.FindAllStringSubmatch(m[2], -1) {
				if !labels[l[1]] {
					t.Errorf("%s: %s has no label %s", name, m[1], l[1])
				}
				for _, id := range strings.Split(l[2], "|") {
					if l[1] == "rule" && !ids[id] {
						t.Errorf("%s: there is no rule %s", name, id)
					}
				}
			}
		}
		if strings.HasSuffix(name, ".json") && !json.Valid(text) {
			t.Errorf("%s is not JSON", name)
		}
	}
}

// promtool runs promtool if Prometheus is installed.
func promtool(t *testing.T, stdin string, args ...string) {
	t.Helper()
	program, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed")
	}
	c := exec.Command(program, args...)
	c.Dir, c.Stdin = "../contrib/prometheus", strings.NewReader(stdin)
	out, err := c.CombinedOutput()
	if err != nil || args[0] == "check" && args[1] == "metrics" && len(out) > 0 {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func TestRules(t *testing.T) { promtool(t, "", "test", "rules", "ipctop.rules.test.yml") }

func TestPromtoolCheckMetrics(t *testing.T) {
	_, body := get(new(machine).exporter(t).Handler(quiet), "/metrics")
	promtool(t, body, "check", "metrics")
}
