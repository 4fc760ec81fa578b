package tui

import (
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/render/live"
)

// sample is what was loaded last of a recording. There is never more than one
// load under way, which owns it.
type sample struct {
	at   int
	data *live.Data
}

// load reads a sample of a recording and prepares it. What is different from the
// sample before can be told only if that was looked at just now.
func (v *view) load(at int) {
	snap, err := v.Load(at)
	if err != nil {
		v.post(post{event: live.Loaded{At: at, Err: err.Error()}})
		return
	}
	var prev *live.Data
	if v.sample.data != nil && v.sample.at == at-1 {
		prev = v.sample.data
	}
	v.sample = sample{at, live.Prepare(model.NewIndex(snap), prev, v.Settings)}
	v.post(post{event: live.Loaded{At: at, Data: v.sample.data}})
}
