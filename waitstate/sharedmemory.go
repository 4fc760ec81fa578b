package waitstate

import (
	"cmp"
	"slices"

	"github.com/ipctop/ipctop/model"
)

// sharedMemory returns groups of processes that share all their memory (CLONE_VM of clone(2),
// vfork(2)). A private futex is the same word for all of a group, and each of them can wake the
// waiters. Processes that share their memory run the same program, so only those are compared, and
// only if a thread waits at a private futex.
func (r *pass) sharedMemory() map[*model.Process][]*model.Process {
	programs := map[string][]*model.Process{}
	for _, t := range r.threads {
		for i := range t.futexes {
			if f := &t.futexes[i]; f.located && !f.shared && t.proc.Exe != "" {
				programs[t.proc.Exe] = nil
			}
		}
	}
	for _, p := range r.j.Processes {
		if list, ok := programs[p.Exe]; ok && p.State != "Z" {
			programs[p.Exe] = append(list, p)
		}
	}
	var memory map[*model.Process][]*model.Process
	for _, list := range programs {
		if len(list) < 2 {
			continue
		}
		slices.SortFunc(list, func(a, b *model.Process) int { return cmp.Compare(a.PID, b.PID) })
		for _, group := range r.j.SharedMemory(list) {
			if memory == nil {
				memory = map[*model.Process][]*model.Process{}
			}
			for _, p := range group {
				memory[p] = group
			}
		}
	}
	return memory
}
