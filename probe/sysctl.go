package probe

import (
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/proc"
)

// Sysctl reads the numbers in a file below /proc/sys by its dotted name, such as
// kernel.sem (proc_sys(5)). The files of IPC and the network show the namespaces
// of the calling thread. The result is nil if the file does not exist in this
// kernel, or not in this namespace; any other failure becomes a gap.
func (s *Scan) Sysctl(out *Collector, name string) []uint64 {
	numbers, path, err := proc.Sysctl(s.root, name)
	if err != nil {
		out.Fail("read limit", path, err)
	}
	return numbers
}

// noBound is a number that no machine reaches. The kernel writes larger numbers
// where there is no bound (SHMMAX and SHMALL are 2^64-2^24-1, file-max is
// 2^63-1).
const noBound = 1 << 53

// NewLimit makes a limit of the machine of which at most n may be used.
func NewLimit(kind model.Kind, name, unit string, n uint64) model.Limit {
	l := model.Limit{Name: name, Unit: unit}
	if _, ok := model.LookupKind(kind); ok {
		l.Kind = kind
	}
	if n >= noBound {
		l.Unlimited = true
	} else {
		l.Max = model.Some(int64(n))
	}
	return l
}

// SysctlLimit emits the limit that is the only number in a sysctl file.
func (s *Scan) SysctlLimit(out *Collector, kind model.Kind, name, unit string, scope *model.LimitScope, used model.Opt[int64]) {
	if n := s.Sysctl(out, name); len(n) > 0 {
		l := NewLimit(kind, name, unit, n[0])
		l.Scope, l.Used = scope, used
		out.Limit(l)
	}
}
