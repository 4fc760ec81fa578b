package tracer

import (
	"fmt"
	"strings"

	"github.com/ipctop/ipctop/bpf"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/trace"
)

// robust are the ids of futexes, the same as in show: the shared memory and the offset in it, or the process and
// the address in it.
func (n *names) robust(r *bpf.RobustEnded) (list []trace.File) {
	for i := range r.Locks {
		l := &r.Locks[i]
		memory := ""
		if l.Shared {
			memory = n.memory(&l.File, r.IPC)
		}
		if memory == "" {
			list = append(list, trace.File{Object: fmt.Sprintf("%s:%d:%#x", model.Futex, r.Who.PID, l.Address)})
		} else {
			list = append(list, trace.File{Object: fmt.Sprintf("%s:%s+%d", model.Futex, memory, l.Offset)})
		}
	}
	return list
}

// memory is the id of a mapped file.
func (n *names) memory(f *bpf.Named, ipc uint64) string {
	anonymous := f.File.DevMajor == 0 && f.File.DevMinor == 1 // the kernel's own tmpfs
	switch {
	case anonymous && strings.HasPrefix(f.Name, "SYSV"):
		return n.systemV(model.SysvShm, int(f.File.Ino), ipc)
	case anonymous && (f.Name == "zero" || f.Name == "dev/zero" || f.Name == "anon_hugepage"):
		return identity(model.ShmAnon, &f.File)
	}
	return n.objectNamed(f)
}
