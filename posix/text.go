package posix

import (
	"bytes"
	"fmt"
	"strconv"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/proc"
)

// state is the text of a queue's file.
type state struct {
	bytes      int64
	notify     int64 // SIGEV_…
	signal     int64
	registered int64 // pid; 0: none, or a process outside the reader's pid namespace
}

// The methods of sigevent(3type).
const (
	sigevSignal = 0
	sigevNone   = 1
	sigevThread = 2
)

// parseState reads the file of a queue, one line (mq_overview(7)):
//
//	QSIZE:8          NOTIFY:0     SIGNO:10    NOTIFY_PID:14455
//
// QSIZE is the number of bytes.
func parseState(text []byte) (state, error) {
	var s state
	seen := 0
	for _, word := range bytes.Fields(text) {
		name, value, _ := bytes.Cut(word, []byte(":"))
		var to *int64
		bit := 0
		switch string(name) {
		case "QSIZE":
			to, bit = &s.bytes, 1
		case "NOTIFY":
			to, bit = &s.notify, 2
		case "SIGNO":
			to, bit = &s.signal, 4
		case "NOTIFY_PID":
			to, bit = &s.registered, 8
		default:
			continue
		}
		n, err := strconv.ParseInt(string(value), 10, 64)
		if err != nil || n < 0 {
			return s, fmt.Errorf("%w: %q", proc.ErrMalformed, clip(word))
		}
		*to, seen = n, seen|bit
	}
	if seen != 15 {
		return s, fmt.Errorf("%w: %q", proc.ErrMalformed, clip(text))
	}
	return s, nil
}

func clip(b []byte) []byte { return b[:min(len(b), 60)] }

// notification returns the process that is registered; empty if none is. pids
// says whether a pid means the same process here as in the snapshot.
func (s state) notification(pids bool) *model.MqNotify {
	n := new(model.MqNotify)
	if s.registered == 0 && s.signal == 0 && s.notify == 0 {
		return n
	}
	if pids && s.registered != 0 {
		n.PID = model.Some(int(s.registered))
	}
	switch s.notify {
	case sigevSignal:
		n.Method, n.Signal = "signal", model.SignalName(int(s.signal))
	case sigevNone:
		n.Method = "none"
	case sigevThread:
		n.Method = "thread"
	}
	return n
}
