package render

import "github.com/ipctop/ipctop/diagnose"

// RuleTopics returns the explanations of the rules.
func RuleTopics(rules []diagnose.Rule) []Topic {
	var list []Topic
	for i := range rules {
		r := &rules[i]
		t := newShowText(ShowOptions{})
		called := ""
		if name := r.Name(); name != r.ID {
			called = ", on the screen " + name
		}
		t.line("%s%s, a rule of the diagnosis (%s): %s", r.ID, called, r.Severity, r.Title)
		t.line("")
		t.paragraph(r.Means)
		for _, part := range RuleParts(r) {
			t.heading("%s", part.Title)
			t.paragraph(part.Text)
		}
		list = append(list, Topic{Name: r.ID, Group: "rule", Brief: r.Title, Text: t.b.String(), Alias: r.Name()})
	}
	return list
}

// RulePart is a part of a rule's explanation.
type RulePart struct{ Title, Text string }

// RuleParts returns the parts that follow the meaning of the rule, in reading order.
func RuleParts(r *diagnose.Rule) []RulePart {
	return []RulePart{
		{"Evidence", r.Evidence},
		{"What to do", r.Do},
		{"False alarms", r.FalseAlarm},
	}
}
