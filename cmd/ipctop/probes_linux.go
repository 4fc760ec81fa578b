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

// probes lists the readers, in the order in which they may claim a descriptor.
// A new mechanism adds its line here.
func probes() []probe.Probe {
	return []probe.Probe{
		posix.Mq(),
		fdscan.Pipe(),
		fdscan.FIFO(),
		sigstate.Probe(),
		sysv.Msg(),
		sysv.Sem(),
		sysv.Shm(),
		fdscan.Unix(),
		fdscan.TCP(),
		fdscan.UDP(),
		fdscan.Raw(),
		fdscan.ICMP(),
		fdscan.Netlink(),
		fdscan.Packet(),
		fdscan.Vsock(),
		fdscan.Socket(), // the last of the socket families: it takes what they leave
		fdscan.Pty(),
		fdscan.Eventfd(),
		fdscan.Signalfd(),
		fdscan.Timerfd(),
		fdscan.Inotify(),
		fdscan.Fanotify(),
		fdscan.Pidfd(),
		fdscan.IOUring(),
		fdscan.Userfaultfd(),
		fdscan.Epoll(), // the last: it names what the others found
		fdscan.Memfd(),
		fdscan.ShmAnon(),
		posix.Shm(), // before File: what it finds is no ordinary file
		posix.Sem(),
		fdscan.File(),
		filelock.Locks(),
		fdscan.Resident(),
		waitstate.Probe(),
		fdscan.Limits(), // counts what the readers before it found
		posix.ShmSpace(),
	}
}
