package sigstate

import (
	"bytes"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

// Probe reads the signal state of every process, and of the threads whose own
// part of it differs from the main thread's.
func Probe() probe.Probe {
	return probe.Probe{
		Name: "signals",
		Process: func(p *probe.Proc, out *probe.Collector) {
			if p.Model.Kernel {
				return
			}
			s, err := Parse(p.Status)
			if err != nil {
				out.Gap(model.Gap{
					Reason: model.Malformed, PID: p.Model.PID, Op: "parse", Path: p.Dir.Path() + "/status", Detail: err.Error(),
				})
			}
			p.Model.Signals = s.Model()
			if p.Model.State != "Z" { // for zombies the kernel says 0/0
				limit(p.Status, &s, out)
			}
		},
		Thread: func(p *probe.Proc, t *model.Thread, status []byte) {
			if t.TID != p.Model.PID && !p.Model.Kernel {
				t.Signals = thread(p.Status, status)
			}
		},
	}
}

// thread returns the pending and blocked signals of a thread; nil if they are
// the same as the main thread's. State that all threads share is left out: it
// is in the process.
func thread(main, own []byte) *model.Signals {
	if bytes.Equal(maskText(main, "\nSigPnd:"), maskText(own, "\nSigPnd:")) &&
		bytes.Equal(maskText(main, "\nSigBlk:"), maskText(own, "\nSigBlk:")) {
		return nil
	}
	s, _ := Parse(own) // malformed values stay unknown
	if !s.Pending.Known() && !s.Blocked.Known() {
		return nil
	}
	return &model.Signals{Pending: list(s.Pending), Blocked: list(s.Blocked)}
}

// maskText returns the text after heading. Most threads have the main thread's
// masks, and comparing the text needs no decoding. The kernel escapes newlines
// in names, so heading is found only at the beginning of a line.
func maskText(status []byte, heading string) []byte {
	i := bytes.Index(status, []byte(heading))
	if i < 0 {
		return nil
	}
	text, _, _ := bytes.Cut(status[i+len(heading):], []byte("\n"))
	return text
}
