package memory

import (
	"context"
	"strconv"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/proc"
)

// anonymousMemory has the shared anonymous mappings. The kernel makes a file
// for each, on its own file systems; all processes that share a mapping show
// the same inode.
var anonymousMemory = &probe.KeySpace{
	Name:      "shm-anon",
	ByMapping: true, Incremental: true,
	New: func(k probe.Key, _ *probe.Scan) model.Object {
		dev := proc.DevString(k.Scope)
		return model.Object{
			ID: "shm-anon:" + dev + ":" + strconv.FormatUint(k.Num, 10), Kind: model.ShmAnon, Dev: dev, Ino: model.Big(k.Num),
			Detail: new(model.MemoryDetail),
		}
	},
}

// isAnonymous reports whether a name is that of shared anonymous memory.
func isAnonymous(name []byte) bool {
	return string(name) == "/dev/zero (deleted)" || string(name) == "/anon_hugepage (deleted)"
}

// ShmAnon reads shared anonymous mappings, of ordinary and of huge pages. It also
// reads descriptors of them, which can be opened through /proc/PID/map_files.
func ShmAnon() probe.Probe {
	return probe.Probe{
		Name: "shm-anon",
		FD: func(fd *probe.FD, out *probe.Collector) bool {
			if !isAnonymous(fd.Link) {
				return false
			}
			st, err := fd.Stat()
			if err != nil {
				return false
			}
			dev := proc.Dev(st.Dev_major, st.Dev_minor)
			if !fd.Proc.Unmounted(dev, out) {
				return false
			}
			h := fd.Holder()
			h.Access = fd.Access()
			out.AddHolder(probe.Key{Space: anonymousMemory, Scope: dev, Num: st.Ino}, h)
			return true
		},
		Mapping: func(m *probe.Mapping, out *probe.Collector) bool {
			if !isAnonymous(m.Name) {
				return false
			}
			// A file on a mounted file system can have the same name.
			if !m.Proc.Unmounted(m.Dev, out) {
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
