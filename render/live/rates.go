package live

import (
	"strconv"

	"github.com/ipctop/ipctop/model"
)

// toggleRates begins or ends to measure traffic.
func (m *Model) toggleRates() {
	if m.settings.Source != "" {
		m.setMessage(Dim, "A "+m.still()+" has the rates that were measured when it was made.")
		return
	}
	m.addEffect(Rates{!m.rates})
}

func (m *Model) ratesSet(e RatesSet) {
	if e.Err != nil {
		m.setMessage(Critical, m.escape(e.Err.Error()))
		return
	}
	m.rates = e.On
	if e.On {
		m.setMessage(Normal, "Rates are measured from now on; with eBPF this slows system calls of the machine a little (r: stop).")
	} else {
		m.setMessage(Normal, "Rates are not measured any more.")
	}
}

// ratesWord says that traffic is measured, where it is counted, and which share of all processors that uses.
func (m *Model) ratesWord() string {
	word := "RATES"
	if r := m.data.Snap.Scan.Rates; r != nil {
		if r.Source == model.RatesCounters {
			word += " without eBPF"
		}
		if r.Functions {
			word += " at functions"
		}
		if cost, ok := r.Cost.Get(); ok {
			word += " " + percent(cost)
		}
	}
	return word
}

// percent writes a small share with a decimal place.
func percent(r model.Ratio) string { return strconv.FormatFloat(float64(r)*100, 'f', 1, 64) + "%" }

// busiest returns the objects with the most traffic.
func busiest(traffic []model.Traffic) []*model.Traffic {
	var list []*model.Traffic
	for i := range traffic[:min(len(traffic), maxFullest)] {
		list = append(list, &traffic[i])
	}
	return list
}

func (m *Model) busiestLines(d *Data) []Line {
	if d.Snap.Traffic == nil {
		return nil
	}
	lines := []Line{text(Heading, " Busiest")}
	for _, t := range d.overview.busiest {
		o := d.object(t.Object)
		if o == nil {
			continue
		}
		l := text(Normal, "  "+m.escape(d.compactView.ObjectName(o)))
		l.add(KeyName, " "+d.compactView.RateText(o))
		if s := m.rateTrend(t.Object); s != "" {
			l.add(Dim, " "+s)
		}
		l.add(Normal, "  "+d.compactView.TrafficPeers(t))
		lines = append(lines, l)
	}
	if len(lines) == 1 {
		lines = append(lines, text(Dim, "  Nothing goes through any channel."))
	}
	return lines
}

// rateTrend draws the traffic of an object in the last snapshots.
func (m *Model) rateTrend(id string) string {
	list := m.history.list[:max(len(m.history.list)-m.history.back, 0)]
	var values []model.Opt[float64]
	for _, d := range list[max(len(list)-sparkWidth, 0):] {
		v := model.Opt[float64]{}
		if o := d.object(id); o != nil {
			if n, ok := d.compactView.Rate(o).Get(); ok {
				v = model.Some(float64(n))
			}
		}
		values = append(values, v)
	}
	return sparkline(values, 0, m.settings.ASCII)
}
