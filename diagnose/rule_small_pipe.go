package diagnose

import (
	"fmt"

	"github.com/ipctop/ipctop/diagnose/graph"
	"github.com/ipctop/ipctop/model"
)

var smallPipeRule = Rule{
	ID:       "small-pipe",
	Title:    "pipe buffers shrunk: pipe-user-pages-soft exceeded",
	Severity: model.Warning,
	Means: "The pipes of a user take more pages than fs.pipe-user-pages-soft allows, so that new ones are made with a buffer of one or two pages instead " +
		"of sixteen. Writers block sixteen times as soon: everything gets slower, and programs that rely on 64 KiB may block each other for good.",
	Evidence: "F_GETPIPE_SZ of the pipes, and the pages that all pipes of the user may fill, added up. Privileged users are exempt.",
	Do: "Find out who holds so many or so large pipes (ipctop dump -k pipe -u USER), or raise fs.pipe-user-pages-soft. Pipes that exist stay as " +
		"small as they are; they must be recreated.",
	FalseAlarm: "A pipe may have been made small on purpose (F_SETPIPE_SZ): small pipes are reported only while their user's pages reach the limit. The user " +
		"is inferred from the holders of the pipes, so the finding is likely at most.",
	find: findSmallPipe,
}

const (
	pipePagesSoft = "fs.pipe-user-pages-soft"

	passedShare = 0.98 // of the limit: some pipes that existed when it was exceeded may have been closed since
)

func findSmallPipe(v *view) []finding {
	passed := map[int]*model.Limit{}
	for i := range v.Limits {
		l := &v.Limits[i]
		if l.Name == pipePagesSoft && l.Scope != nil && l.Share().Or(0) >= passedShare {
			if uid, ok := l.Scope.UID.Get(); ok && uid != 0 {
				passed[uid] = l
			}
		}
	}
	if len(passed) == 0 {
		return nil
	}
	var list []finding
	byUser := map[int]int{}
	for _, o := range v.graph.Marked(graph.Small) {
		if len(o.Holders) == 0 {
			continue
		}
		p := v.processes[int(o.Holders[0].PID)]
		if p == nil {
			continue
		}
		uid, ok := p.UID.Get()
		l := passed[uid]
		if !ok || l == nil {
			continue
		}
		at, ok := byUser[uid]
		if !ok {
			at = len(list)
			byUser[uid] = at
			list = append(list, finding{about: fmt.Sprintf("uid%d", uid), Finding: model.Finding{
				Confidence: model.Likely, LoweredBy: []string{"the user of the pages was inferred"},
				Evidence: []model.Evidence{{Source: pipePagesSoft, Text: fmt.Sprintf("used %d, max %d by user %d", l.Used.Or(0), l.Max.Or(0), uid)}},
			}})
		}
		f := &list[at]
		f.Objects = append(f.Objects, o.ID)
		f.PIDs = append(f.PIDs, holders(o, nil)...)
		f.Summary = fmt.Sprintf("%d %s of user %d %s a small buffer: its pipes use %d of %d pages",
			len(f.Objects), verb(len(f.Objects), "pipe", "pipes"), uid, verb(len(f.Objects), "has", "have"), l.Used.Or(0), l.Max.Or(0))
	}
	for i := range list {
		list[i].Victims = set(list[i].PIDs)
	}
	return list
}
