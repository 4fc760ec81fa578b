package pipes

import (
	"context"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/proc"
)

// Space has the anonymous pipes. The kernel keeps them on a single file system,
// so the inode number alone is the identity.
var Space = &probe.KeySpace{
	Name:       "pipefs",
	OnlyWaited: true, Incremental: true,
	OfInode: func(dev, ino uint64) (scope, num uint64, ok bool) { return 0, ino, dev == Device() },
	New: func(k probe.Key, _ *probe.Scan) model.Object {
		return model.Object{
			ID: "pipe:" + strconv.FormatUint(k.Num, 10), Kind: model.Pipe, Ino: model.Big(k.Num), Detail: new(model.PipeDetail),
		}
	},
}

// Device is the device of the file system on which the kernel keeps pipes; 0 if it is not known.
var Device = sync.OnceValue(func() uint64 {
	var p [2]int
	err := unix.Pipe2(p[:], unix.O_CLOEXEC)
	if err == nil {
		_ = unix.Close(p[1])
	}
	dev, _ := proc.DeviceOf(p[0], err)
	return dev
})

// Pipe reads anonymous pipes: the ends from the descriptor links, fill and
// capacity from a duplicate (see [completePipes]).
func Pipe() probe.Probe { return pipe(new(helperCache)) }

// Probes are [Pipe] and [FIFO], which share one helper process.
func Probes() []probe.Probe {
	helper := new(helperCache)
	return []probe.Probe{pipe(helper), fifo(helper)}
}

func pipe(helper *helperCache) probe.Probe {
	memory := pipeMemory{helper: helper}
	return probe.Probe{
		Name: "pipe",
		FD: func(fd *probe.FD, out *probe.Collector) bool {
			ino, ok := proc.LinkNumber(fd.Link, "pipe:[")
			if !ok {
				return false
			}
			h := fd.Holder()
			if !fd.Proc.Scan.WaitsOnly() {
				h.Access = fd.Access()
			}
			out.AddHolder(probe.Key{Space: Space, Num: ino}, h)
			fd.Cacheable()
			return true
		},
		Prefetch: helper.prefetch,
		Close:    helper.close,
		Complete: func(ctx context.Context, idx *probe.Index, out *probe.Collector) {
			completePipes(ctx, idx, Space, &memory, out)
		},
	}
}
