package diagnose

import (
	"strings"

	"github.com/ipctop/ipctop/model"
)

// Group is the part of a list of findings that a finding belongs to.
type Group uint8

// The groups, in the order in which they are listed.
const (
	BlockedNow Group = iota // somebody is stuck
	Limits                  // something is filling up
	LeftBehind              // nobody uses it any more
	Notes                   // worth knowing
)

// String is the group's heading.
func (g Group) String() string {
	return [...]string{"Blocked now", "Limits", "Left behind", "Notes"}[g]
}

// groups are the groups of rules that are not about blocked threads.
var groups = map[string]Group{
	limitNearRule.ID: Limits, signalQueueNearLimitRule.ID: Limits, smallPipeRule.ID: Limits,
	staleSocketPathRule.ID: LeftBehind, inheritedListenerRule.ID: LeftBehind, zombiesRule.ID: LeftBehind, closeWaitRule.ID: LeftBehind,
	deletedStillMappedRule.ID: LeftBehind, fdInFlightRule.ID: LeftBehind,
}

// GroupOf is the group of a finding: that of its rule, else by whether somebody
// is blocked. What is merely worth knowing is a note.
func GroupOf(f *model.Finding) Group {
	g, given := groups[f.Rule]
	switch {
	case given:
		return g
	case strings.HasPrefix(f.Rule, "orphan-"):
		return LeftBehind
	case f.Severity == model.Info:
		return Notes
	case len(f.Chain) > 0 || len(f.Victims) > 0:
		return BlockedNow
	}
	return Notes
}
