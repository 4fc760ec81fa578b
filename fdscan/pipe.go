package fdscan

import (
	"bytes"
	"context"
	"strconv"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

// pipefs is where the kernel keeps anonymous pipes. There is one of it, so the
// inode number alone is the identity.
var pipefs = &probe.KeySpace{
	Name:   "pipefs",
	Waited: true,
	New: func(k probe.Key, _ *probe.Scan) model.Object {
		return model.Object{
			ID: "pipe:" + strconv.FormatUint(k.Num, 10), Kind: model.Pipe, Ino: model.Big(k.Num), Detail: new(model.PipeDetail),
		}
	},
}

// Pipe reads anonymous pipes: the ends from the descriptor links, fill and
// capacity from a duplicate (see [completePipes]).
func Pipe() probe.Probe {
	var memory pipeMemory
	return probe.Probe{
		Name: "pipe",
		FD: func(fd *probe.FD, out *probe.Collector) bool {
			ino, ok := bracketed(fd.Link, "pipe:[")
			if !ok {
				return false
			}
			h := fd.Holder()
			if !fd.Proc.Scan.WaitsOnly() {
				h.Access = fd.Access()
			}
			out.AddHolder(probe.Key{Space: pipefs, Num: ino}, h)
			fd.Cacheable()
			return true
		},
		Close: memory.aside.close,
		Complete: func(ctx context.Context, idx *probe.Index, out *probe.Collector) {
			completePipes(ctx, idx, pipefs, &memory, out)
		},
	}
}

// bracketed reads the number in a link text such as "pipe:[4242]".
func bracketed(link []byte, prefix string) (uint64, bool) {
	if !bytes.HasPrefix(link, []byte(prefix)) || link[len(link)-1] != ']' {
		return 0, false
	}
	n := uint64(0)
	digits := link[len(prefix) : len(link)-1]
	if len(digits) == 0 || len(digits) > 19 {
		return 0, false
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, true
}
