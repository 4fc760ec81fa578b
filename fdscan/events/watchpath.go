package events

import (
	"context"

	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

// The kernel keeps the inode of a file that is watched, not the path it was
// watched by. A path can be told if some process holds the file, or if it is
// where a watching process is, or is mounted.

// watched is a file that is watched, and where its path goes.
type watched struct {
	key  probe.Key
	path *string
}

// maxAskedWatches is how many files of one instance others are asked about. There
// are programs that watch a hundred thousand.
const maxAskedWatches = 256

// placeWatches finds the paths of what the instances of a class watch. watches
// lists what has none yet.
func placeWatches(ctx context.Context, idx *probe.Index, class anonClass, watches func(model.Detail) []watched) {
	type instance struct {
		watches []watched
		held    []*probe.Entry // who holds the file of the same place in watches; nil: nobody
	}
	var list []*probe.Entry
	open := map[*probe.Entry]instance{}
	for _, e := range idx.In(class.byDescription) {
		w := watches(e.Object.Detail)
		if len(w) == 0 {
			continue
		}
		list = append(list, e)
		in := instance{w, make([]*probe.Entry, len(w))}
		asked := 0
		for i := range w {
			file, ok := idx.Lookup(w[i].key)
			if !ok {
				file, ok = idx.LookupUnclaimed(w[i].key)
			}
			if ok && asked < maxAskedWatches {
				in.held[i] = file
				asked++
			}
		}
		open[e] = in
	}
	idx.Each(list, func(t *guard.Task, e *probe.Entry) func() {
		if ctx.Err() != nil {
			return nil
		}
		in := open[e]
		devs := map[uint64]bool{}
		for _, w := range in.watches {
			devs[w.key.Scope] = true
		}
		places := map[probe.Key]string{}
		for i := range e.Holders {
			if i > 0 && e.Holders[i].PID == e.Holders[i-1].PID {
				continue
			}
			for k, path := range idx.Places(t, e.Holders[i].PID, devs) {
				places[k] = path
			}
		}
		found := make([]string, len(in.watches))
		for i, w := range in.watches {
			found[i] = places[w.key]
			if file := in.held[i]; file != nil && found[i] == "" {
				if facts := idx.File(t, file); !facts.Deleted {
					found[i] = facts.Path
				}
			}
		}
		return func() {
			for i, w := range in.watches {
				*w.path = found[i]
			}
		}
	})
}

// watchedKey names the file that fdinfo shows as watched.
func watchedKey(dev string, ino model.Big) (probe.Key, bool) {
	d, ok := parseDev(dev)
	return probe.Key{Space: probe.Files, Scope: d, Num: uint64(ino)}, ok
}
