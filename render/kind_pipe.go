package render

import "github.com/ipctop/ipctop/model"

var (
	pipeQueued = fillPair("QUEUED", "bytes in it, of its capacity",
		detail(func(d *model.PipeDetail) model.Opt[int64] { return d.Queued }),
		detail(func(d *model.PipeDetail) model.Opt[int64] { return d.Capacity }), Size, "FULL")
	pipeReaders = intColumn("READERS", "open read ends as the kernel counts them",
		detail(func(d *model.PipeDetail) model.Opt[int64] { return d.Readers }))
	pipeWriters = intColumn("WRITERS", "open write ends as the kernel counts them",
		detail(func(d *model.PipeDetail) model.Opt[int64] { return d.Writers }))

	pipeColumns = append(objectColumns{idColumn, talkColumn, pipeQueued, wide(pipeReaders), wide(pipeWriters)}, commonWide...)
	fifoColumns = append(objectColumns{
		idColumn, nameColumn, talkColumn, pipeQueued, wide(pipeReaders), wide(pipeWriters), wide(uidColumn), wide(modeColumn),
	}, commonWide...)
)
