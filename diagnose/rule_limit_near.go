package diagnose

import (
	"fmt"

	"github.com/ipctop/ipctop/model"
)

var limitNearRule = Rule{
	ID:       "limit-near",
	Title:    "limit nearly reached",
	Severity: model.Warning,
	Means: "At least 80 % of what the kernel allows is used. Past the limit, calls fail (EMFILE, ENFILE, ENOSPC, EAGAIN, ENOMEM) that programs seldom " +
		"expect to fail.",
	Evidence: "The limit and what is used of it, as ipctop dump --only limits lists them; docs/mechanisms.md says where each is read.",
	Do: "Find out what uses it up (a leak, or more work than before), or raise it: sysctl for those called kernel., fs. or net., ulimit or the service " +
		"manager's Limit settings for those called RLIMIT_. Where objects that were left behind use it up, the finding says so and offers to remove them.",
	FalseAlarm: "Some programs fill what they are given on purpose. If the usage can only be computed, as with the pages that a user's pipes may " +
		"take, the finding is likely.",
	find: findLimitNear,
}

// ownRules are the limits that another rule reports.
var ownRules = map[string]bool{"RLIMIT_SIGPENDING": true, pipePagesSoft: true}

func findLimitNear(v *view) []finding {
	var list []finding
	for i := range v.Limits {
		l := &v.Limits[i]
		if !l.Near() || ownRules[l.Name] {
			continue
		}
		used, bound := l.Used.Or(0), l.Max.Or(0)
		whose, who := v.limitScope(l)
		f := finding{about: l.Name + who, limit: l, Finding: model.Finding{
			Confidence: model.Certain,
			Summary:    fmt.Sprintf("%d of %d %s are used%s (%s)", used, bound, l.Unit, whose, l.Name),
			Evidence:   []model.Evidence{{Source: l.Name, Text: fmt.Sprintf("used %d, max %d", used, bound)}},
		}}
		if l.Estimated {
			f.Confidence, f.LoweredBy = model.Likely, []string{"the usage was computed, not read"}
		}
		if l.Scope != nil && l.Scope.PID != 0 {
			f.Root = v.root(l.Scope.PID, v.doing(l.Scope.PID))
		}
		list = append(list, f)
	}
	return list
}

// limitScope says to whom a limit applies: as part of a sentence, and of an id.
func (v *view) limitScope(l *model.Limit) (whose, who string) {
	switch {
	case l.Scope == nil:
		return "", ""
	case l.Scope.UID.Known():
		return fmt.Sprintf(" by user %d", l.Scope.UID.Or(0)), fmt.Sprintf(":uid%d", l.Scope.UID.Or(0))
	case l.Scope.PID != 0:
		return " by " + v.name(l.Scope.PID), ""
	}
	return fmt.Sprintf(" in namespace %d", l.Scope.NS), fmt.Sprintf(":ns%d", l.Scope.NS)
}
