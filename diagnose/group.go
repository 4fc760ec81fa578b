package diagnose

import (
	"strings"

	"github.com/ipctop/ipctop/model"
)

// Group is the part of the list of findings in which a finding is shown.
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

// GroupOf returns the group of a finding: the group of its rule if that has one, else it
// depends on whether somebody is blocked. Findings that are only informative are notes.
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
