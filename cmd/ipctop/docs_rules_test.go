package main

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/ipctop/ipctop/diagnose"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/render"
)

// TestDocsRules keeps docs/rules.md equal to the rules.
func TestDocsRules(t *testing.T) {
	compareDoc(t, "../../docs/rules.md", rulesMarkdown(t))
}

// TestRulesSayEverything finds rules whose page would have an empty section.
func TestRulesSayEverything(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range diagnose.Rules() {
		if seen[r.ID] {
			t.Errorf("rule %s is there twice", r.ID)
		}
		seen[r.ID] = true
		for what, text := range map[string]string{
			"title": r.Title, "means": r.Means, "evidence": r.Evidence, "what to do": r.Do, "false alarms": r.FalseAlarm,
		} {
			if text == "" {
				t.Errorf("rule %s says nothing about %s", r.ID, what)
			}
		}
		if r.Severity != model.Critical && r.Severity != model.Warning && r.Severity != model.Info {
			t.Errorf("rule %s has the severity %q", r.ID, r.Severity)
		}
	}
}

func rulesMarkdown(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	b.Write(docPart(t, "rules-head.md"))
	b.WriteString("\n| rule | severity | what |\n|---|---|---|\n")
	rules := diagnose.Rules()
	for _, r := range rules {
		fmt.Fprintf(&b, "| [`%s`](#%s) | %s | %s |\n", r.ID, r.ID, r.Severity, markdownText(r.Title))
	}
	for i := range rules {
		r := &rules[i]
		fmt.Fprintf(&b, "\n## %s\n\n%s. %s\n", r.ID, markdownSentence(r.Title), markdownText(r.Means))
		for _, part := range render.RuleParts(r) {
			fmt.Fprintf(&b, "\n**%s.** %s\n", part.Title, markdownText(part.Text))
		}
	}
	return b.Bytes()
}
