package bpf

import (
	"bytes"
	"time"
)

// Passed is that descriptors went from one process to another, by a message over a UNIX
// socket (SCM_RIGHTS in unix(7)) or by pidfd_getfd(2).
type Passed struct {
	Time     time.Time
	How      PassedHow
	Who      Party // whose system call it was
	Other    Party // of [DescriptorTaken], whose it was
	HasOther bool

	Socket    Behind // that Who used; none of [DescriptorTaken]
	PeerInode uint64 // of the socket at the other end, where it is connected and has one
	Path      string // that it was sent to, where that was said, as in [Connection]
	Peeked    bool   // it was received, and may be so again

	Count int     // of descriptors
	Files []Named // the first of them
}

// PassedHow is how descriptors were passed.
type PassedHow int

// The ways, as calls.bpf.c has them.
const (
	DescriptorsSent     PassedHow = tracedSend
	DescriptorsReceived PassedHow = tracedReceive
	DescriptorTaken     PassedHow = tracedTake // pidfd_getfd(2)
)

// Named is a file with the last part of its path, or what the kernel calls one that has
// none, at most 39 bytes.
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
