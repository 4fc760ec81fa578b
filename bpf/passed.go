package bpf

import (
	"bytes"
	"time"
)

// Passed is the event that descriptors went from one process to another, in a message
// over a UNIX socket (SCM_RIGHTS in unix(7)) or by pidfd_getfd(2).
type Passed struct {
	Time     time.Time
	How      PassedHow
	Who      Party // the process that made the system call
	Other    Party // for [DescriptorTaken]: the process that had it
	HasOther bool

	Socket    Behind // that Who used; empty for [DescriptorTaken]
	PeerInode uint64 // of the connected socket at the other end, if there is one
	Path      string // the address that was given when sending, as in [Connection]
	Peeked    bool   // it was received with MSG_PEEK, and can be received again

	Count int     // of descriptors
	Files []Named // the first few
}

// PassedHow is how descriptors were passed.
type PassedHow int

// The ways, with the numbers of calls.bpf.c.
const (
	DescriptorsSent     PassedHow = tracedSend
	DescriptorsReceived PassedHow = tracedReceive
	DescriptorTaken     PassedHow = tracedTake // pidfd_getfd(2)
)

// Named is a file with the last part of its path, or with the kernel's name for a file
// without a path, at most 39 bytes.
type Named struct {
	File Behind
	Name string
}

const (
	descriptorsPassed = 8 // kind
	passedSize        = 944
	maxPassed         = 8
)

func (t *Tracer) parsePassed(record []byte) *Passed {
	f := fields{record}
	p := &Passed{Time: t.clock(f.u64())}
	f.u32() // kind
	p.How = PassedHow(f.u32())
	p.Who, p.Other = f.party(), f.party()
	p.HasOther = p.Other != Party{}
	p.Socket, p.PeerInode, p.Peeked = f.behind(), f.u64(), f.u32() != 0
	p.Count = f.int()
	for range maxPassed {
		n := f.named()
		if len(p.Files) < p.Count {
			p.Files = append(p.Files, n)
		}
	}
	f.u32() // reserved
	p.Path = unixPath(f.bytes(int(f.u32())))
	return p
}

func (f *fields) named() Named {
	n := Named{File: f.behind()}
	name, _, _ := bytes.Cut(f.bytes(40), []byte{0})
	n.Name = string(name)
	return n
}
