package events

import (
	"context"

	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

// The kernel keeps the inode of a watched file, not the path by which it was
// added. The path is found if some process holds the file, if it is the working
// directory, root or program of a watching process, or if it is mounted.

// watched is a watched file, with the place to write its path to.
type watched struct {
	key  probe.Key
	path *string
}

// maxAskedWatches is for how many files of one instance other processes are
// asked. Some programs watch a hundred thousand.
const maxAskedWatches = 256

// placeWatches finds the paths of the files that the instances of a class
// watch. watches lists those without a path.
func placeWatches(ctx context.Context, idx *probe.Index, class anonClass, watches func(model.Detail) []watched) {
	type instance struct {
		watches []watched
		held    []*probe.Entry // an entry that holds the file with the same index in watches; nil: none
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

// watchedKey makes the key of a watched file from its fdinfo.
func watchedKey(dev string, ino model.Big) (probe.Key, bool) {
	d, ok := parseDev(dev)
	return probe.Key{Space: probe.Files, Scope: d, Num: uint64(ino)}, ok
}
