package main

import (
	"github.com/ipctop/ipctop/fdscan"
	"github.com/ipctop/ipctop/filelock"
	"github.com/ipctop/ipctop/posix"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/sigstate"
	"github.com/ipctop/ipctop/sysv"
	"github.com/ipctop/ipctop/waitstate"
)

// probes lists the readers, in the order in which they may claim a descriptor or
// mapping. A new mechanism adds its line here or, if it is behind a descriptor, in
// [fdscan.Probes].
func probes() []probe.Probe {
	list := []probe.Probe{
		posix.Mq(),
		sigstate.Probe(),
		sysv.Msg(),
		sysv.Sem(),
		sysv.Shm(),
	}
	list = append(list, fdscan.Probes()...)
	list = append(list, posix.Shm(), posix.Sem()) // they claim their files before other probes take them for ordinary files
	list = append(list, fdscan.Rest()...)
	return append(list, filelock.Locks(), waitstate.Probe(), posix.ShmSpace())
}
