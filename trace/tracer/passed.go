package tracer

import (
	"fmt"

	"github.com/ipctop/ipctop/bpf"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/trace"
)

// passed makes an event of descriptors that were passed.
func (n *names) passed(p *bpf.Passed) *trace.Event {
	e := &trace.Event{Type: "event", Time: p.Time, Event: trace.PassedEvent, Object: objectOf(&p.Socket), Path: socketPath(p.Path)}
	e.Passed = &trace.Passed{Number: p.Count, Peeked: p.Peeked}
	if p.PeerInode != 0 {
		e.Via = fmt.Sprintf("%s:%d", model.Unix, p.PeerInode)
	}
	who := n.party(&p.Who)
	switch p.How {
	case bpf.DescriptorsSent:
		e.How, e.Sender = trace.PassedSent, who
	case bpf.DescriptorsReceived:
		e.How, e.Target = trace.PassedReceived, who
	default:
		e.How, e.Sender = trace.PassedTaken, who
		if p.HasOther {
			e.Target = n.party(&p.Other)
		}
	}
	for i := range p.Files {
		f := &p.Files[i]
		e.Given = append(e.Given, trace.File{Object: n.objectNamed(f), Name: nameOf(f)})
	}
	return e
}

// nameOf is the name of a file, "" where its id says as much.
func nameOf(f *bpf.Named) string {
	if f.File.Magic == pipefsMagic || f.File.Family != 0 {
		return ""
	}
	return f.Name
}
