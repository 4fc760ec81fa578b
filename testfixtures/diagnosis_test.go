package testfixtures

import (
	"strings"
	"testing"

	"github.com/ipctop/ipctop/model"
)

func TestDiagnosisVerify(t *testing.T) {
	want := Diagnosis{Rule: "r", Root: 3, Victims: []int{1, 2}, PIDs: []int{1, 2, 3}, Objects: []string{"pipe:1"}, Severity: model.Critical, Confidence: model.Certain}
	right := model.Finding{
		ID: "it", Rule: "r", Root: &model.Root{PID: 3}, Victims: []int{1, 2}, PIDs: []int{1, 2, 3}, Objects: []string{"pipe:1"},
		Severity: model.Critical, Confidence: model.Certain,
	}
	other := model.Finding{ID: "other", Rule: "r", PIDs: []int{9}, Objects: []string{"pipe:9"}}
	change := func(f func(*model.Finding)) []model.Finding {
		changed := right
		f(&changed)
		return []model.Finding{other, changed}
	}
	for _, tt := range []struct {
		name     string
		findings []model.Finding
		err      string
	}{
		{"right", []model.Finding{other, right}, ""},
		{"right next to a wrong one", append(change(func(f *model.Finding) { f.Root = nil }), right), ""},
		{"nothing", nil, "no finding of r names it"},
		{"elsewhere", []model.Finding{other}, "no finding of r names it"},
		{"another rule", change(func(f *model.Finding) { f.Rule = "s" }), "no finding of r names it"},
		{"no root", change(func(f *model.Finding) { f.Root = nil }), "finding it has root 0, want 3"},
		{"victims", change(func(f *model.Finding) { f.Victims = []int{1} }), "finding it has victims [1], want [1 2]"},
		{"pids", change(func(f *model.Finding) { f.PIDs = []int{1, 2, 3, 4} }), "concerns pids [1 2 3 4], want [1 2 3]"},
		{"objects", change(func(f *model.Finding) { f.Objects = nil }), "concerns [], want [pipe:1]"},
		{"severity", change(func(f *model.Finding) { f.Severity = model.Info }), "is info, want critical"},
		{"confidence", change(func(f *model.Finding) { f.Confidence = model.Possible }), "is possible, want certain"},
	} {
		if got := errorText(want.verify(tt.findings)); got != tt.err && (tt.err == "" || !strings.Contains(got, tt.err)) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.err)
		}
	}
	control := Diagnosis{Rule: "r", NegativeControl: true, PIDs: []int{3}, Objects: []string{"pipe:2"}}
	for _, tt := range []struct {
		name     string
		findings []model.Finding
		err      string
	}{
		{"nothing", nil, ""},
		{"elsewhere", []model.Finding{other}, ""},
		{"another rule", change(func(f *model.Finding) { f.Rule = "s" }), ""},
		{"its process", []model.Finding{right}, "it is a negative control of r, but: it"},
		{"its object", change(func(f *model.Finding) { f.PIDs, f.Objects = nil, []string{"pipe:1", "pipe:2"} }), "it is a negative control of r, but: it"},
	} {
		if got := errorText(control.verify(tt.findings)); got != tt.err {
			t.Errorf("negative control, %s: %q, want %q", tt.name, got, tt.err)
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
