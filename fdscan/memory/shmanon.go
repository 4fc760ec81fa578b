package memory

import (
	"context"
	"strconv"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/proc"
)

// anonymousMemory has the shared anonymous mappings. They are files that the
// kernel makes for them, on its own file systems; all processes that share one
// show the same inode.
var anonymousMemory = &probe.KeySpace{
	Name:      "shm-anon",
	ByMapping: true,
	New: func(k probe.Key, _ *probe.Scan) model.Object {
		dev := proc.DevString(k.Scope)
		return model.Object{
			ID: "shm-anon:" + dev + ":" + strconv.FormatUint(k.Num, 10), Kind: model.ShmAnon, Dev: dev, Ino: model.Big(k.Num),
			Detail: new(model.MemoryDetail),
		}
	},
}

// ShmAnon reads shared anonymous mappings, of ordinary and of huge pages.
func ShmAnon() probe.Probe {
	return probe.Probe{
		Name: "shm-anon",
		Mapping: func(m *probe.Mapping, out *probe.Collector) bool {
			switch string(m.Name) {
			case "/dev/zero (deleted)", "/anon_hugepage (deleted)":
			default:
				return false
			}
			// A file on a file system that is mounted can be called so, too.
			if mounted, _ := m.Proc.Mounted(m.Dev); mounted {
				return false
			}
			out.AddHolder(probe.Key{Space: anonymousMemory, Scope: m.Dev, Num: m.Ino}, m.Holder(model.ViaMap))
			m.Cacheable()
			return true
		},
		Complete: func(ctx context.Context, idx *probe.Index, out *probe.Collector) {
			measure(ctx, idx, out, idx.In(anonymousMemory))
		},
	}
}
