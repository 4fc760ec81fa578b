package live

import (
	"errors"
	"strings"
	"testing"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/model/modeltest"
)

func TestRatesToggle(t *testing.T) {
	m := New(Settings{})
	m, _ = Update(m, Resize{120, 40})
	m, _ = Update(m, Scanned{Data: Prepare(model.NewIndex(modeltest.Rich()), nil, Settings{})})
	frame := func() string {
		var b strings.Builder
		for _, l := range Lines(m, 120, 40) {
			b.WriteString(l.String() + "\n")
		}
		return b.String()
	}
	wants := func(on bool) {
		t.Helper()
		var effects []Effect
		if m, effects = Update(m, Key{"r"}); len(effects) != 1 || effects[0] != (Rates{on}) {
			t.Errorf("r gives %v, want %v", effects, Rates{on})
		}
	}
	wants(true)
	m, _ = Update(m, RatesSet{Err: errors.New("rates cannot be measured: the kernel is \x1b[2J")})
	if f := frame(); !strings.Contains(f, `rates cannot be measured: the kernel is \x1b[2J`) || strings.Contains(f, "RATES") {
		t.Errorf("after an error:\n%s", f)
	}
	wants(true)
	m, _ = Update(m, RatesSet{On: true})
	if f := frame(); !strings.Contains(f, " RATES at functions 1.3% ") || !strings.Contains(f, "Busiest") {
		t.Errorf("with rates:\n%s", f)
	}
	wants(false)
	if m, _ = Update(m, RatesSet{}); strings.Contains(frame(), " RATES ") {
		t.Errorf("without rates:\n%s", frame())
	}
}

// Without eBPF the title says so.
func TestRatesWithoutEBPF(t *testing.T) {
	s := modeltest.Rich()
	s.Scan.Rates = &model.RatesReport{Duration: 2e9, Source: model.RatesCounters}
	v := newView(t, usual, 120, 40)
	v.do(RatesSet{On: true})
	v.scan(s)
	v.has(" RATES without eBPF ", "Busiest", "1M/s")
}
