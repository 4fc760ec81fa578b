package probe

import (
	"testing"

	"github.com/ipctop/ipctop/model"
)

// Limits are read in the first namespaces of each type, and a gap says in how many they are not.
func TestLimitsInTheFirstNamespaces(t *testing.T) {
	scopes := map[string][]*Probe{
		"ipc": {{Limits: func(NS, *Collector) {}}},
		"net": {{Limits: func(NS, *Collector) {}}},
	}
	var list []visitKey
	for i := range uint64(maxLimitNamespaces + 3) {
		list = append(list, visitKey{"ipc", i})
	}
	for i := range uint64(maxLimitNamespaces) {
		list = append(list, visitKey{"net", i})
	}
	s := &Scan{scanner: NewScanner(Options{})}
	in := s.limitsIn(list, scopes)
	for _, k := range list {
		if want := k.inode < maxLimitNamespaces; in[k] != want {
			t.Errorf("%v: %v", k, in[k])
		}
	}
	if len(s.results) != 1 || len(s.results[0].out.gaps) != 1 {
		t.Fatalf("%d results, want one with one gap", len(s.results))
	}
	if g := s.results[0].out.gaps[0]; g.Reason != model.Truncated || g.Count != 3 || g.Probe != "ipc namespace" {
		t.Errorf("%+v", g)
	}
}
