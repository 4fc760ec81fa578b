package fdscan

import (
	"github.com/ipctop/ipctop/fdscan/events"
	"github.com/ipctop/ipctop/fdscan/files"
	"github.com/ipctop/ipctop/fdscan/memory"
	"github.com/ipctop/ipctop/fdscan/pipes"
	"github.com/ipctop/ipctop/fdscan/sockets"
	"github.com/ipctop/ipctop/probe"
)

// Probes lists the readers of descriptors and mappings, in the order in which they
// may claim one. A new class of object adds its line here.
func Probes() []probe.Probe {
	return append(pipes.Probes(), []probe.Probe{
		sockets.Unix(),
		sockets.TCP(),
		sockets.UDP(),
		sockets.Raw(),
		sockets.ICMP(),
		sockets.Netlink(),
		sockets.Packet(),
		sockets.Vsock(),
		sockets.Socket(), // the last of the socket families: it takes the remaining sockets
		files.Pty(),
		events.Eventfd(),
		events.Signalfd(),
		events.Timerfd(),
		events.Inotify(),
		events.Fanotify(),
		events.Pidfd(),
		events.IOUring(),
		events.Userfaultfd(),
		events.BPFMap(),
		events.Epoll(), // the last: it names the objects that the others found
		memory.Memfd(),
		memory.ShmAnon(),
	}...)
}

// Rest lists the probes that come after all other readers of objects: they take the
// files that no other probe claimed, and count what was found.
func Rest() []probe.Probe {
	return []probe.Probe{files.File(), memory.Resident(), Descriptors(), Limits()}
}

// RunHelper returns at once in an ordinary process. In a process that was started
// as the helper, it asks pipes and never returns. Programs that set
// [probe.Options].Helper to themselves call it before anything else.
func RunHelper() { pipes.RunHelper() }
