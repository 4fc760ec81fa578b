package main

import (
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/remediate"
	"github.com/ipctop/ipctop/render/tui"
)

// actor lets the live view change the machine.
type actor struct{}

// Hold implements [tui.Actor].
func (actor) Hold(pid int, startTicks uint64) (tui.Held, error) {
	p, err := remediate.Hold(pid, startTicks)
	if err != nil {
		return nil, err
	}
	return p, nil
}

// Remove implements [tui.Actor].
func (actor) Remove(o *model.Object) error { return remediate.Remove(o) }

// powerless is the reason why the live view must not change anything, "" if it may.
func powerless(o *options) string {
	if o.procRoot != "/proc" {
		return "what is shown comes from " + o.procRoot + ", whose pids may be those of another namespace"
	}
	return remediate.Refused()
}
