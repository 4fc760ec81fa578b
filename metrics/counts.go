package metrics

import (
	"strconv"
	"strings"

	"github.com/ipctop/ipctop/model"
)

func (c *counter) findings() {
	s := c.snapshot
	if s.Findings == nil {
		return
	}
	concerned := map[string]int{}
	for i := range s.Findings {
		for _, name := range s.Findings[i].Containers {
			concerned[text(name)]++
		}
	}
	keep := largest(concerned, c.Names, func(n int) float64 { return float64(n) })
	c.family("findings", "", "Findings of the diagnosis; one that concerns several containers counts in each.", "rule", "severity", "confidence", "container")
	c.summedUp(len(concerned) - len(keep))
	for _, r := range c.Rules {
		for _, confidence := range []model.Confidence{model.Certain, model.Likely, model.Possible} {
			c.set(0, r.ID, string(r.Severity), string(confidence), "")
		}
	}
	for i := range s.Findings {
		f := &s.Findings[i]
		containers := map[string]bool{}
		for _, name := range f.Containers {
			if name = text(name); !keep[name] {
				name = Other
			}
			containers[name] = true
		}
		if len(containers) == 0 {
			containers[""] = true
		}
		for name := range containers {
			c.add(1, text(f.Rule), text(string(f.Severity)), text(string(f.Confidence)), name)
		}
	}
	c.family("finding_oldest_age", "seconds", "How long the oldest finding of a rule has lasted, as far as can be told.", "rule", "severity")
	for i := range s.Findings {
		if f := &s.Findings[i]; !f.Since.IsZero() {
			c.most(max(s.Taken.Sub(f.Since).Seconds(), 0), text(f.Rule), text(string(f.Severity)))
		}
	}
}

// summedUp records how many names of the last family have no sample of their own.
func (c *counter) summedUp(names int) {
	c.summed = append(c.summed, summed{strings.TrimPrefix(c.families[len(c.families)-1].Name, Prefix), names})
}

func (c *counter) waits() {
	waits := c.snapshot.Waits
	if waits == nil {
		return
	}
	c.family("blocked_threads", "", "Threads that wait, by the mechanism they wait at and what they need; idle ones wait for work, as servers do.", "kind", "needs", "idle")
	for i := range waits {
		w := &waits[i]
		c.add(1, mechanism(w), text(w.Needs), strconv.FormatBool(w.Idle))
	}
	c.family("oldest_wait", "seconds", "How long the thread that has waited longest has not run, those that wait for work or for time left out.", "kind", "needs")
	for i := range waits {
		w := &waits[i]
		if ns, ok := w.BlockedFor.Get(); ok && !w.Idle && w.Needs != model.NeedsTime {
			c.most(float64(ns)/1e9, mechanism(w), text(w.Needs))
		}
	}
}

// mechanism returns the kind of object for which a thread waits: "none" for a child or a
// signal, "several" if it polls objects of more than one kind.
func mechanism(w *model.Wait) string {
	objects := w.Objects
	if w.Object != "" {
		objects = []string{w.Object}
	}
	kind := "none"
	for i, id := range objects {
		k, _, _ := strings.Cut(id, ":")
		if _, ok := model.LookupKind(model.Kind(k)); !ok {
			k = Other
		}
		if i > 0 && k != kind {
			return "several"
		}
		kind = k
	}
	return kind
}

func (c *counter) scan() {
	s := c.snapshot
	c.family("processes", "", "Processes seen.")
	c.set(float64(s.Scan.Processes))
	c.family("processes_unreadable", "", "Processes whose descriptors could not be read.")
	c.set(float64(s.Scan.ProcessesUnreadable))
	c.family("gaps", "", "What could not be read, by reason.", "reason")
	for _, r := range model.Reasons() {
		c.set(0, string(r.Name))
	}
	for i := range s.Gaps {
		c.add(float64(max(s.Gaps[i].Count, 1)), text(string(s.Gaps[i].Reason)))
	}
	c.family("scan_duration", "seconds", "Wall time of the scan.")
	c.set(float64(s.Scan.Duration) / 1e9)
	c.family("scan_timestamp", "seconds", "When the scan began, in seconds since 1970.")
	c.set(float64(s.Taken.UnixMilli()) / 1e3)
}
