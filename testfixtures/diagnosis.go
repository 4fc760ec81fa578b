package testfixtures

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ipctop/ipctop/model"
)

// RuleKind is the kind of the fixtures that are named after a rule.
const RuleKind = "rule"

// Diagnosis is what a rule must find for an instance, from what the fixture knows about its
// processes; or that the rule must not mention the instance.
type Diagnosis struct {
	Rule string `json:"rule"`

	// NegativeControl: no finding of the rule may name one of these processes or objects.
	NegativeControl bool `json:"control,omitempty"`

	Root    int      `json:"root,omitempty"` // pid of the root cause; 0: it has none
	Victims []int    `json:"victims"`
	PIDs    []int    `json:"pids"` // all processes concerned
	Objects []string `json:"objects"`

	// What the finding must have; empty fields are not compared.
	Severity   model.Severity   `json:"severity,omitempty"`
	Confidence model.Confidence `json:"confidence,omitempty"`
}

// expectFinding sets what the rule must find. PIDs need not repeat root and victims.
func (m *maker) expectFinding(d Diagnosis) {
	if d.Root != 0 {
		d.PIDs = append(d.PIDs, d.Root)
	}
	d.PIDs = append(d.PIDs, d.Victims...)
	d.Victims, d.PIDs, d.Objects = sorted(d.Victims), sorted(d.PIDs), sorted(d.Objects)
	m.finding = &d
}

// diagnosis completes what the rule must find. For a negative control it lists the object
// and processes that the rule must not name.
func (m *maker) diagnosis(o object, pids []int) (*Diagnosis, error) {
	if m.fixture.NegativeControl() {
		d := &Diagnosis{Rule: m.fixture.Rule(), NegativeControl: true, Victims: []int{}, PIDs: sorted(pids), Objects: m.controlObjects}
		if !strings.HasPrefix(o.id, "process:") {
			d.Objects = append(d.Objects, o.id)
		}
		d.Objects = sorted(d.Objects)
		return d, nil
	}
	if m.finding == nil {
		return nil, errors.New("it does not say what its rule is to find")
	}
	m.finding.Rule = m.fixture.Rule()
	return m.finding, nil
}

// sorted is a set in the form that findings have: each element once, in order, never nil.
func sorted[T int | string](list []T) []T {
	list = append([]T{}, list...)
	slices.Sort(list)
	return slices.Compact(list)
}

// verify compares what a rule found with what it must find.
func (d *Diagnosis) verify(findings []model.Finding) error {
	var near []string
	for i := range findings {
		f := &findings[i]
		if f.Rule != d.Rule || !d.concerns(f) {
			continue
		}
		if d.NegativeControl {
			return fmt.Errorf("it is a negative control of %s, but: %s", d.Rule, f.ID)
		}
		why := d.differs(f)
		if why == "" {
			return nil
		}
		near = append(near, f.ID+" "+why)
	}
	switch {
	case d.NegativeControl:
		return nil
	case near != nil:
		return fmt.Errorf("finding %s", strings.Join(near, "; "))
	}
	return fmt.Errorf("no finding of %s names it", d.Rule)
}

// concerns reports whether a finding names one of the processes or objects.
func (d *Diagnosis) concerns(f *model.Finding) bool {
	return slices.ContainsFunc(f.PIDs, func(pid int) bool { return slices.Contains(d.PIDs, pid) }) ||
		slices.ContainsFunc(f.Objects, func(id string) bool { return slices.Contains(d.Objects, id) })
}

func containsAll(list, wanted []string) bool {
	return len(wanted) > 0 && !slices.ContainsFunc(wanted, func(id string) bool { return !slices.Contains(list, id) })
}

// differs says how a finding differs from what it must be; "" if it does not.
func (d *Diagnosis) differs(f *model.Finding) string {
	root := 0
	if f.Root != nil {
		root = f.Root.PID
	}
	switch {
	case root != d.Root:
		return fmt.Sprintf("has root %d, want %d", root, d.Root)
	case !slices.Equal(f.Victims, d.Victims):
		return fmt.Sprintf("has victims %v, want %v", f.Victims, d.Victims)
	case !slices.Equal(f.PIDs, d.PIDs):
		return fmt.Sprintf("concerns pids %v, want %v", f.PIDs, d.PIDs)
	case len(d.PIDs) == 0 && containsAll(f.Objects, d.Objects): // such a finding combines unused objects with others on the machine
		return ""
	case !slices.Equal(sorted(f.Objects), d.Objects):
		return fmt.Sprintf("concerns %v, want %v", f.Objects, d.Objects)
	case d.Severity != "" && f.Severity != d.Severity && (f.Confidence != model.Possible || f.Severity.Rank() != d.Severity.Rank()+1):
		// A finding that is only possible, for example because holders may be hidden, is
		// one level less severe.
		return fmt.Sprintf("is %s, want %s", f.Severity, d.Severity)
	case d.Confidence != "" && f.Confidence != d.Confidence:
		return fmt.Sprintf("is %s, want %s", f.Confidence, d.Confidence)
	}
	return ""
}
