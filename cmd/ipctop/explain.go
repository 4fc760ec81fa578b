package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/ipctop/ipctop/diagnose"
	"github.com/ipctop/ipctop/query"
	"github.com/ipctop/ipctop/render"
	"github.com/ipctop/ipctop/render/live"
)

// topics lists what can be explained. Topics of other packages are added here.
func topics() []render.Topic {
	return append(render.ColumnTopics(live.ColumnDocs()...), render.Topics(render.RuleTopics(diagnose.Rules())...)...)
}

func (c command) newExplain() *cobra.Command {
	return &cobra.Command{
		Use:   "explain [NAME...]",
		Short: "say what a kind, rule, column, field, reason or word means",
		Long: "Says what something in ipctop's output means: a kind (pipe), a rule of the diagnosis (zombies), a heading (PEERS), a field of the\n" +
			"JSON (detail.queued, holders.ofd), a reason why something could not be read (denied), a word (peer). Without a NAME it lists what it explains.",
		Example: "  ipctop explain\n  ipctop explain pipe\n  ipctop explain zombies\n  ipctop explain detail.queued denied",
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return render.TopicNames(topics()), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, names []string) error {
			all := topics()
			if len(names) == 0 {
				return render.TopicList(c.stdout, all)
			}
			if whole := render.FindTopics(all, strings.Join(names, " ")); whole != nil { // pipe full
				return render.Explain(c.stdout, whole)
			}
			var list []render.Topic
			for _, name := range names {
				found := render.FindTopics(all, name)
				if found == nil {
					return &exitError{exitNotFound, &query.NotFoundError{
						Ref: name, Reason: "nothing is called " + query.Quote(name) + " (see ipctop explain)",
						Near: query.Nearest(name, render.TopicNames(all)),
					}}
				}
				list = append(list, found...)
			}
			return render.Explain(c.stdout, list)
		},
	}
}
