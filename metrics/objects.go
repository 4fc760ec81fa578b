package metrics

import (
	"github.com/ipctop/ipctop/model"
)

// amounts are what an object holds; unknown is what its kind does not have or what
// could not be read.
type amounts struct {
	queued, messages model.Opt[int64] // waiting to be read
	memory, size     model.Opt[int64] // what it takes, how large it is
	maxBytes         model.Opt[int64] // how much may be queued
	maxMessages      model.Opt[int64]
	backlog, most    model.Opt[int64] // of a listener
}

func amountsOf(o *model.Object) amounts {
	switch d := o.Detail.(type) {
	case *model.PipeDetail:
		return amounts{queued: d.Queued}
	case *model.PtyDetail:
		return amounts{queued: d.Queued}
	case *model.UnixDetail:
		if d.State == "listen" {
			return amounts{backlog: d.Backlog, most: d.BacklogMax}
		}
		return amounts{queued: d.RecvQueue}
	case *model.InetDetail:
		if d.State == "LISTEN" {
			return amounts{backlog: d.Backlog, most: d.BacklogMax}
		}
		return amounts{queued: d.RecvQueue}
	case *model.NetlinkDetail:
		return amounts{queued: d.RecvQueue}
	case *model.PacketDetail:
		return amounts{queued: d.RecvQueue}
	case *model.SysvMsgDetail:
		return amounts{queued: d.Bytes, messages: d.Messages, maxBytes: d.MaxBytes}
	case *model.PosixMqDetail:
		return amounts{queued: d.Bytes, messages: d.Messages, maxMessages: d.MaxMessages}
	case *model.SysvShmDetail:
		a := amounts{size: d.Size}
		rss, ok := d.RSS.Get()
		if swap, ok2 := d.Swap.Get(); ok && ok2 {
			a.memory = model.Some(rss + swap)
		}
		return a
	case *model.MemoryDetail:
		return amounts{memory: d.Allocated, size: d.Size}
	}
	return amounts{}
}

// shown calls f for all objects that ipctop does not hold alone.
func (c *counter) shown(f func(o *model.Object, a amounts)) {
	for i := range c.snapshot.Objects {
		if o := c.snapshot.Objects[i]; !c.snapshot.OwnObject(o, c.snapshot.Process) {
			f(o, amountsOf(o))
		}
	}
}

func (c *counter) objects() {
	c.family("objects", "", "Objects, by mechanism.", "kind")
	c.shown(func(o *model.Object, _ amounts) { c.add(1, text(string(o.Kind))) })
	for _, sum := range []struct {
		name, unit, help string
		of               func(amounts) model.Opt[int64]
	}{
		{"queued", "bytes", "What was written and nobody has read yet, where that is known.", func(a amounts) model.Opt[int64] { return a.queued }},
		{"queued_messages", "", "Messages in queues, where that is known.", func(a amounts) model.Opt[int64] { return a.messages }},
		{"memory", "bytes", "Memory and swap space that shared memory takes, where that is known.", func(a amounts) model.Opt[int64] { return a.memory }},
	} {
		c.family(sum.name, sum.unit, sum.help, "kind")
		c.shown(func(o *model.Object, a amounts) { c.addKnown(sum.of(a), text(string(o.Kind))) })
	}
}

// nameOf is the name under which an object has samples: a path, a key, a port. Objects
// of the same name, in several namespaces say, are added up. It is empty for what
// has none.
func nameOf(o *model.Object) string {
	switch d := o.Detail.(type) {
	case *model.SysvMsgDetail:
		return key(d.Key)
	case *model.SysvShmDetail:
		return key(d.Key)
	case *model.UnixDetail:
		if d.Abstract != "" {
			return Name("@" + d.Abstract)
		}
		return Name(d.Path)
	case *model.InetDetail:
		return port(d.Local)
	case *model.MemoryDetail:
		if o.Kind == model.ShmAnon {
			return ""
		}
	}
	return Name(o.Name)
}

// key is a System V key; all that are IPC_PRIVATE have the same.
func key(k string) string {
	if k == "0x00000000" {
		return "private"
	}
	return text(k)
}

// named makes the families of things with names. Each takes the largest of its own.
func (c *counter) named() {
	type value struct {
		name, unit, help string
		of               func(amounts) model.Opt[int64]
	}
	for _, group := range []struct {
		weight func(amounts) model.Opt[int64]
		of     func(o *model.Object, a amounts) bool
		values []value
	}{
		{
			weight: func(a amounts) model.Opt[int64] { return a.queued },
			of:     func(o *model.Object, _ amounts) bool { return o.Kind == model.SysvMsg || o.Kind == model.PosixMq },
			values: []value{
				{"queue_messages", "", "Messages in a named queue.", func(a amounts) model.Opt[int64] { return a.messages }},
				{"queue_max_messages", "", "How many messages a named queue may hold.", func(a amounts) model.Opt[int64] { return a.maxMessages }},
				{"queue_size", "bytes", "Size of the messages in a named queue.", func(a amounts) model.Opt[int64] { return a.queued }},
				{"queue_max_size", "bytes", "How large the messages in a named queue may be together.", func(a amounts) model.Opt[int64] { return a.maxBytes }},
			},
		},
		{
			weight: func(a amounts) model.Opt[int64] { return a.backlog },
			of:     func(_ *model.Object, a amounts) bool { return a.backlog.Known() },
			values: []value{
				{"listener_backlog", "", "Connections that wait to be accepted, by the listener's path or port.", func(a amounts) model.Opt[int64] { return a.backlog }},
				{"listener_max_backlog", "", "How many connections may wait to be accepted.", func(a amounts) model.Opt[int64] { return a.most }},
			},
		},
		{
			weight: func(a amounts) model.Opt[int64] { return a.memory },
			of: func(o *model.Object, a amounts) bool {
				return (a.memory.Known() || a.size.Known()) && o.Kind != model.ShmAnon
			},
			values: []value{
				{"shared_memory", "bytes", "Memory and swap space that named shared memory takes.", func(a amounts) model.Opt[int64] { return a.memory }},
				{"shared_memory_size", "bytes", "Size of named shared memory, pages that were never touched included.", func(a amounts) model.Opt[int64] { return a.size }},
			},
		},
	} {
		weights := map[string]float64{}
		c.shown(func(o *model.Object, a amounts) {
			if group.of(o, a) {
				weights[string(o.Kind)+" "+nameOf(o)] += float64(group.weight(a).Or(0))
			}
		})
		keep := largest(weights, c.Names, func(n float64) float64 { return n })
		for i, v := range group.values {
			c.family(v.name, v.unit, v.help, "kind", "name")
			if i == 0 {
				c.summedUp(len(weights) - len(keep))
			}
			c.shown(func(o *model.Object, a amounts) {
				if !group.of(o, a) {
					return
				}
				name := nameOf(o)
				if !keep[string(o.Kind)+" "+name] {
					name = Other
				}
				c.addKnown(v.of(a), text(string(o.Kind)), name)
			})
		}
	}
}
