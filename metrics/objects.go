package metrics

import (
	"github.com/ipctop/ipctop/model"
)

// amounts are the amounts in an object. An amount is unknown if the object's kind does
// not have it, or if it could not be read.
type amounts struct {
	queued, messages model.Opt[int64] // waiting to be read
	memory, size     model.Opt[int64] // allocated memory, size of the object
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

// counted is an object that others than ipctop hold, too.
type counted struct {
	*model.Object
	amounts
}

// shown returns all objects without those that only ipctop holds.
func (c *counter) shown() []counted {
	list := make([]counted, 0, len(c.snapshot.Objects))
	for _, o := range c.snapshot.Objects {
		if !c.snapshot.OwnObject(o, c.snapshot.Process) {
			list = append(list, counted{o, amountsOf(o)})
		}
	}
	return list
}

// perKind has the sums of the known amounts of each kind's objects.
type perKind map[model.Kind]model.Opt[int64]

func (p perKind) add(kind model.Kind, amount model.Opt[int64]) {
	if v, ok := amount.Get(); ok {
		p[kind] = model.Some(p[kind].Or(0) + v)
	}
}

func (c *counter) objects(list []counted) {
	number, queued, messages, memory := perKind{}, perKind{}, perKind{}, perKind{}
	for i := range list {
		o := &list[i]
		number.add(o.Kind, model.Some[int64](1))
		queued.add(o.Kind, o.queued)
		messages.add(o.Kind, o.messages)
		memory.add(o.Kind, o.memory)
	}
	for _, f := range []struct {
		name, unit, help string
		sums             perKind
	}{
		{"objects", "", "Objects, by mechanism.", number},
		{"queued", "bytes", "What was written and nobody has read yet, where that is known.", queued},
		{"queued_messages", "", "Messages in queues, where that is known.", messages},
		{"memory", "bytes", "Memory and swap space that shared memory takes, where that is known.", memory},
	} {
		c.family(f.name, f.unit, f.help, "kind")
		for kind, sum := range f.sums {
			c.addKnown(sum, text(string(kind)))
		}
	}
}

// nameOf returns the name for an object's samples: a path, a key, a port. Objects with the
// same name, for example in several namespaces, are added up. It is empty for an object
// without a name.
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

// key returns a System V key as a name; all objects with IPC_PRIVATE have the same one.
func key(k string) string {
	if k == "0x00000000" {
		return "private"
	}
	return text(k)
}

// named makes the families of objects with names. Each family takes its own largest objects.
func (c *counter) named(list []counted) {
	type value struct {
		name, unit, help string
		of               func(*amounts) model.Opt[int64]
	}
	for _, group := range []struct {
		weight func(*amounts) model.Opt[int64]
		of     func(*counted) bool
		values []value
	}{
		{
			weight: func(a *amounts) model.Opt[int64] { return a.queued },
			of:     func(o *counted) bool { return o.Kind == model.SysvMsg || o.Kind == model.PosixMq },
			values: []value{
				{"queue_messages", "", "Messages in a named queue.", func(a *amounts) model.Opt[int64] { return a.messages }},
				{"queue_max_messages", "", "How many messages a named queue may hold.", func(a *amounts) model.Opt[int64] { return a.maxMessages }},
				{"queue_size", "bytes", "Size of the messages in a named queue.", func(a *amounts) model.Opt[int64] { return a.queued }},
				{"queue_max_size", "bytes", "How large the messages in a named queue may be together.", func(a *amounts) model.Opt[int64] { return a.maxBytes }},
			},
		},
		{
			weight: func(a *amounts) model.Opt[int64] { return a.backlog },
			of:     func(o *counted) bool { return o.backlog.Known() },
			values: []value{
				{"listener_backlog", "", "Connections that wait to be accepted, by the listener's path or port.", func(a *amounts) model.Opt[int64] { return a.backlog }},
				{"listener_max_backlog", "", "How many connections may wait to be accepted.", func(a *amounts) model.Opt[int64] { return a.most }},
			},
		},
		{
			weight: func(a *amounts) model.Opt[int64] { return a.memory },
			of:     func(o *counted) bool { return (o.memory.Known() || o.size.Known()) && o.Kind != model.ShmAnon },
			values: []value{
				{"shared_memory", "bytes", "Memory and swap space that named shared memory takes.", func(a *amounts) model.Opt[int64] { return a.memory }},
				{"shared_memory_size", "bytes", "Size of named shared memory, pages that were never touched included.", func(a *amounts) model.Opt[int64] { return a.size }},
			},
		},
	} {
		type named struct {
			*counted
			kind, name string
		}
		var members []named
		weights := map[string]float64{}
		for i := range list {
			if o := &list[i]; group.of(o) {
				m := named{o, text(string(o.Kind)), nameOf(o.Object)}
				members = append(members, m)
				weights[m.kind+" "+m.name] += float64(group.weight(&o.amounts).Or(0))
			}
		}
		keep := largest(weights, c.Names, func(n float64) float64 { return n })
		for i, v := range group.values {
			c.family(v.name, v.unit, v.help, "kind", "name")
			if i == 0 {
				c.summedUp(len(weights) - len(keep))
			}
			for _, m := range members {
				name := m.name
				if !keep[m.kind+" "+name] {
					name = Other
				}
				c.addKnown(v.of(&m.amounts), m.kind, name)
			}
		}
	}
}
