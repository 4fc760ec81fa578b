package tui

import (
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/render/live"
)

// sample is the last loaded sample of a recording. Only the load that is running may use it,
// and there is never more than one.
type sample struct {
	at   int
	data *live.Data
}

// load reads a sample of a recording and prepares it. The differences from the sample before
// are known only if that was the last one loaded.
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
