package render_test

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/ipctop/ipctop/diagnose"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/model/modeltest"
	"github.com/ipctop/ipctop/render"
)

// The grammar of OpenMetrics 1.0 as far as gauges need it.
var (
	metricComment = regexp.MustCompile(`^# (TYPE ([a-z_]+) gauge|UNIT ([a-z_]+) ([a-z]+)|HELP ([a-z_]+) ((\\\\|\\n|\\"|[^\\\n"])*))$`)
	metricSample  = regexp.MustCompile(`^([a-z_]+)(\{[a-z_]+="(\\\\|\\n|\\"|[^\\\n"])*"(,[a-z_]+="(\\\\|\\n|\\"|[^\\\n"])*")*\})? (\+Inf|-?[0-9]+(\.[0-9]+)?)$`)
)

// checkMetrics checks an exposition: each family occurs once and is complete, no sample occurs
// twice, and the end is marked.
func checkMetrics(t *testing.T, text string) map[string]string {
	t.Helper()
	body, ok := strings.CutSuffix(text, "# EOF\n")
	if !ok {
		t.Error("it does not end in # EOF")
	}
	samples, families, family := map[string]string{}, map[string]bool{}, ""
	for _, line := range strings.Split(strings.TrimSuffix(body, "\n"), "\n") {
		if c := metricComment.FindStringSubmatch(line); c != nil {
			if c[2] != "" {
				if family = c[2]; families[family] {
					t.Errorf("family %s is there twice", family)
				}
				families[family] = true
			}
			if name := c[2] + c[3] + c[5]; name != family || c[4] != "" && !strings.HasSuffix(name, "_"+c[4]) {
				t.Errorf("not about %s: %s", family, line)
			}
			continue
		}
		s := metricSample.FindStringSubmatch(line)
		if s == nil || s[1] != family {
			t.Errorf("no sample of %s: %q", family, line)
			continue
		}
		if _, ok := samples[s[1]+s[2]]; ok {
			t.Errorf("twice: %s", line)
		}
		samples[s[1]+s[2]] = s[6]
	}
	return samples
}

func TestOpenMetrics(t *testing.T) {
	s := modeltest.Rich()
	s.Findings = append(s.Findings, model.Finding{
		Rule: "zombies", Severity: model.Warning, Confidence: model.Certain, PIDs: []int{1}, Containers: []string{"a\"b\\c\nd\xff"},
	}, model.Finding{Rule: "zombies", Severity: model.Warning, Confidence: model.Certain, Containers: []string{"x", "y"}},
		model.Finding{Rule: "zombies", Severity: model.Warning, Confidence: model.Certain, Containers: []string{"x"}})
	s.Limits = append(s.Limits,
		model.Limit{Name: "per-process", Used: model.Some[int64](1), Max: model.Some[int64](2), Scope: &model.LimitScope{PID: 812}},
		model.Limit{Name: "endless", Used: model.Some[int64](1), Unlimited: true}, model.Limit{Name: "unknown"})
	var b bytes.Buffer
	if err := render.OpenMetrics(&b, s, diagnose.Rules()); err != nil {
		t.Fatal(err)
	}
	samples := checkMetrics(t, b.String())
	for name, want := range map[string]string{
		`ipctop_findings{rule="zombies",severity="warning",confidence="likely",container=""}`:            "0",
		`ipctop_findings{rule="zombies",severity="warning",confidence="certain",container="x"}`:          "2",
		`ipctop_findings{rule="zombies",severity="warning",confidence="certain",container="y"}`:          "1",
		`ipctop_findings{rule="zombies",severity="warning",confidence="certain",container="a\"b\\c_d_"}`: "1",
		`ipctop_limit_used{limit="endless",kind="",unit="",user="",namespace=""}`:                        "1",
		`ipctop_limit_max{limit="endless",kind="",unit="",user="",namespace=""}`:                         "+Inf",
		`ipctop_process_limit_used_ratio{limit="per-process"}`:                                           "0.5",
		"ipctop_processes_unreadable": "41",
	} {
		if samples[name] != want {
			t.Errorf("%s is %q, want %q", name, samples[name], want)
		}
	}
	for _, word := range []string{"812", "unknown\"", "pid="} {
		if strings.Contains(b.String(), word) {
			t.Errorf("there is %q in it", word)
		}
	}
	// Without a diagnosis there are no zeros.
	b.Reset()
	if err := render.OpenMetrics(&b, &model.Snapshot{}, diagnose.Rules()); err != nil {
		t.Fatal(err)
	}
	checkMetrics(t, b.String())
	if strings.Contains(b.String(), "ipctop_findings") || strings.Contains(b.String(), "ipctop_blocked_threads") {
		t.Errorf("what nobody looked for is counted:\n%s", b.String())
	}
}
