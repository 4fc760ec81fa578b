package files

import (
	"bytes"
	"context"
	"errors"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/proc"
)

// File reads the files that processes share. It emits every holder of a file,
// also for the probes that know more about some files (posix, filelock). Of the
// files that these probes have not described, the shared ones become file
// objects. So this probe comes after those that claim descriptors or describe
// files.
func File() probe.Probe {
	return probe.Probe{
		Name: "file",
		FD: func(fd *probe.FD, out *probe.Collector) bool {
			if len(fd.Link) == 0 || fd.Link[0] != '/' {
				return false
			}
			if proc.IsCommonDevice(fd.Link) {
				fd.Cacheable()
				return false
			}
			k, mode, err := fd.FileKey()
			if err != nil {
				if errors.Is(err, proc.ErrMalformed) {
					fd.Gap("file", "fdinfo", err)
				}
				return false // stat failed, for which there is a gap already, or the file is foreign and the kernel too old to tell
			}
			switch mode {
			case unix.S_IFREG:
				if kernelText(fd.Proc.FSType(k.Scope)) {
					fd.Cacheable()
					return false
				}
			case unix.S_IFSOCK, unix.S_IFIFO, unix.S_IFLNK:
				return false
			}
			h := fd.Holder()
			if !fd.Proc.Scan.WaitsOnly() { // locks do not depend on it
				h.Access = fd.Access()
			}
			out.AddHolder(k, h)
			fd.Cacheable()
			return true
		},
		Mapping: func(m *probe.Mapping, out *probe.Collector) bool {
			if m.Ino == 0 || len(m.Name) == 0 || m.Name[0] != '/' {
				return false
			}
			// Buffers of graphics drivers and the like are internal files of the kernel,
			// which nobody can open: they have no name, and are not mounted anywhere.
			if mounted, known := m.Proc.Mounted(m.Dev); known && !mounted && bytes.HasSuffix(m.Name, []byte(proc.DeletedSuffix)) {
				return false
			}
			out.AddHolder(m.FileKey(), m.Holder(model.ViaMap))
			m.Cacheable()
			return true
		},
		Complete: completeFiles,
	}
}

// kernelText reports whether the files of a file system are the kernel's own
// views and switches. Processes do not share data through them.
func kernelText(fsType string) bool {
	switch fsType {
	case "proc", "sysfs", "cgroup", "cgroup2", "debugfs", "tracefs", "securityfs", "selinuxfs", "configfs", "bpf", "nsfs",
		"binfmt_misc", "efivarfs", "pstore":
		return true
	}
	return false
}

// completeFiles describes the files that are shared.
func completeFiles(ctx context.Context, idx *probe.Index, _ *probe.Collector) {
	if idx.Scan.WaitsOnly() {
		return // the reader of locks describes the locked files
	}
	var list []*probe.Entry
	for _, e := range idx.Unclaimed(probe.Files) {
		if shared(e.Holders) {
			list = append(list, e)
		}
	}
	idx.Each(list, func(t *guard.Task, e *probe.Entry) func() {
		if ctx.Err() != nil {
			return nil
		}
		facts := idx.File(t, e)
		return func() {
			switch facts.Mode() {
			case unix.S_IFREG:
			case 0:
				// Its type could not be read. If its only path is below /dev, it may be a device.
				if proc.IsCommonDevice([]byte(facts.Path)) || bytes.HasPrefix([]byte(facts.Path), []byte("/dev/")) {
					return
				}
			default:
				return
			}
			idx.Describe(e, facts.Object(model.File, e.Key, facts.FileDetail()))
		}
	})
}

// shared reports whether a file is mapped shared and writable, or open in at
// least two processes of which one may write. holders are sorted by pid.
func shared(holders []model.Holder) bool {
	processes, writer := 0, false
	last := int32(0)
	for i := range holders {
		h := &holders[i]
		if h.Via == model.ViaMap {
			if h.Access.CanWrite() {
				return true
			}
			continue
		}
		writer = writer || h.Access.CanWrite()
		if h.PID != last {
			processes, last = processes+1, h.PID
		}
	}
	return writer && processes > 1
}
