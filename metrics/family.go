package metrics

import (
	"cmp"
	"slices"

	"github.com/ipctop/ipctop/diagnose"
	"github.com/ipctop/ipctop/model"
)

// Prefix is the beginning of every metric's name.
const Prefix = "ipctop_"

// Other is the value of the label name for the sum of everything that has no sample of
// its own because it is too small.
const Other = "other"

// DefaultNames is the default of [Options].Names.
const DefaultNames = 20

// Family is a metric with its samples. All are gauges, because a snapshot has no history.
type Family struct {
	Name   string
	Help   string   // one sentence
	Unit   string   // seconds, bytes, ratio or empty; Name ends in it
	Labels []string // the names of its labels

	// Samples are sorted by their labels' values, which are unique. The values may
	// contain any text.
	Samples []Sample
}

// Sample is a value of a [Family].
type Sample struct {
	Values []string // of the family's labels
	Value  float64  // +Inf if there is no limit
}

// Options say what is exported.
type Options struct {
	// Rules have a sample even if they found nothing.
	Rules []diagnose.Rule

	// Names is how many of the largest queues, listeners, shared memory objects,
	// containers with findings and namespaces' limits have samples of their own;
	// 0 is [DefaultNames].
	Names int
}

// Of returns the families of a snapshot, without those that have no samples. In a snapshot of
// several hosts each host is counted, and the first label of all families is the host's name.
func Of(s *model.Snapshot, o Options) []Family {
	var list []Family
	if len(s.Hosts) > 0 {
		list = countHosts(s, o)
	} else {
		list = count(s, o)
	}
	return slices.DeleteFunc(list, func(f Family) bool { return len(f.Samples) == 0 })
}

// Families returns all families that can occur, to describe them; their samples are
// meaningless.
func Families() []Family {
	all := &model.Snapshot{Waits: []model.Wait{}, Findings: []model.Finding{}, Traffic: []model.Traffic{}}
	all.Scan.Rates = &model.RatesReport{}
	return count(all, Options{})
}

func count(s *model.Snapshot, o Options) []Family {
	if o.Names <= 0 {
		o.Names = DefaultNames
	}
	c := &counter{snapshot: s, Options: o}
	c.findings()
	c.waits()
	list := c.shown()
	c.objects(list)
	c.named(list)
	c.limits()
	c.traffic()
	c.scan()
	c.family("names_summed", "", "How many names have no sample of their own and are added up as "+Other+", or left out where a sum means nothing.", "metric")
	for _, s := range c.summed {
		c.set(float64(s.names), Prefix+s.metric)
	}
	return c.finish()
}

// counter makes families.
type counter struct {
	Options
	snapshot *model.Snapshot
	families []*Family
	index    map[string]int // by labels: index of a sample of the last family
	summed   []summed
}

// summed is how many names of a family have no sample of their own.
type summed struct {
	metric string
	names  int
}

// family begins a family; the following calls add samples to it.
func (c *counter) family(name, unit, help string, labels ...string) {
	name = Prefix + name
	if unit != "" {
		name += "_" + unit
	}
	c.families = append(c.families, &Family{Name: name, Help: help, Unit: unit, Labels: labels})
	c.index = map[string]int{}
}

// at returns the sample of the last family with these label values. made reports whether it is new.
func (c *counter) at(values []string) (sample *Sample, made bool) {
	f := c.families[len(c.families)-1]
	key := ""
	for _, v := range values {
		key += v + "\xff" // this byte is in no value: see text
	}
	i, ok := c.index[key]
	if !ok {
		i = len(f.Samples)
		c.index[key] = i
		f.Samples = append(f.Samples, Sample{Values: values})
	}
	return &f.Samples[i], !ok
}

func (c *counter) set(value float64, values ...string) {
	s, _ := c.at(values)
	s.Value = value
}

func (c *counter) add(value float64, values ...string) {
	s, _ := c.at(values)
	s.Value += value
}

func (c *counter) most(value float64, values ...string) {
	s, made := c.at(values)
	if made {
		s.Value = value
	}
	s.Value = max(s.Value, value)
}

// addKnown adds a value that may be unknown.
func (c *counter) addKnown(value model.Opt[int64], values ...string) {
	if v, ok := value.Get(); ok {
		c.add(float64(v), values...)
	}
}

func (c *counter) finish() []Family {
	var list []Family
	for _, f := range c.families {
		slices.SortFunc(f.Samples, func(a, b Sample) int { return slices.Compare(a.Values, b.Values) })
		list = append(list, *f)
	}
	return list
}

// largest returns the n keys with the greatest weight; keys of equal weight are taken by
// name.
func largest[T any](m map[string]T, n int, weight func(T) float64) map[string]bool {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b string) int { return cmp.Or(cmp.Compare(weight(m[b]), weight(m[a])), cmp.Compare(a, b)) })
	keep := map[string]bool{}
	for _, k := range keys[:min(n, len(keys))] {
		keep[k] = true
	}
	return keep
}
