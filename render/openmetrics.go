package render

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/ipctop/ipctop/diagnose"
	"github.com/ipctop/ipctop/metrics"
	"github.com/ipctop/ipctop/model"
)

// OpenMetrics writes the families of package metrics for a snapshot, the same as ipctop
// exporter serves, in the text format of OpenMetrics 1.0, which Prometheus' own parser
// reads as well.
//
// Every rule has samples, also with value 0 if it found nothing, so that an alert can end.
func OpenMetrics(w io.Writer, s *model.Snapshot, rules []diagnose.Rule) error {
	var b strings.Builder
	for _, f := range metrics.Of(s, metrics.Options{Rules: rules}) {
		fmt.Fprintf(&b, "# TYPE %s gauge\n", f.Name)
		if f.Unit != "" {
			fmt.Fprintf(&b, "# UNIT %s %s\n", f.Name, f.Unit)
		}
		fmt.Fprintf(&b, "# HELP %s %s\n", f.Name, metricEscape(f.Help))
		for _, sample := range f.Samples {
			b.WriteString(f.Name)
			for i, value := range sample.Values {
				b.WriteByte("{,"[min(i, 1)])
				b.WriteString(f.Labels[i] + `="` + metricEscape(value) + `"`)
			}
			if len(sample.Values) > 0 {
				b.WriteByte('}')
			}
			b.WriteString(" " + metricValue(sample.Value) + "\n")
		}
	}
	_, err := io.WriteString(w, b.String()+"# EOF\n")
	return err
}

func metricValue(v float64) string {
	if math.IsInf(v, 1) {
		return "+Inf"
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

// metricEscape escapes label values and help texts.
func metricEscape(s string) string {
	return strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`).Replace(s)
}
