package sigstate

import (
	"bytes"
	"fmt"
	"strconv"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/proc"
)

// State is the signal state in one status file. Pending and Blocked are those of
// the thread (the main thread, in a process's file); the rest belongs to the
// process.
type State struct {
	Pending, SharedPending, Blocked, Ignored, Caught model.Opt[Mask]
	Queued, QueueLimit                               model.Opt[int64]

	unlimited bool // there is no limit on what is queued
}

// Parse reads the signal lines of /proc/PID/status (proc_pid_status(5)). If a
// line is missing or malformed, its value stays unknown; the error is that of the
// last malformed line.
func Parse(status []byte) (State, error) {
	var s State
	var bad error
	for len(status) > 0 {
		line := status
		if i := bytes.IndexByte(status, '\n'); i >= 0 {
			line, status = status[:i], status[i+1:]
		} else {
			status = nil
		}
		if len(line) < 6 || line[0] != 'S' || line[1] != 'i' && line[1] != 'h' {
			continue
		}
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok {
			continue
		}
		if err := s.line(name, bytes.TrimSpace(value)); err != nil {
			bad = fmt.Errorf("%s: %w", name, err)
		}
	}
	return s, bad
}

func (s *State) line(name, value []byte) error {
	var to *model.Opt[Mask]
	switch string(name) {
	case "SigQ":
		return s.queue(value)
	case "SigPnd":
		to = &s.Pending
	case "ShdPnd":
		to = &s.SharedPending
	case "SigBlk":
		to = &s.Blocked
	case "SigIgn":
		to = &s.Ignored
	case "SigCgt":
		to = &s.Caught
	default:
		return nil
	}
	m, err := ParseMask(value)
	if err == nil {
		*to = model.Some(m)
	}
	return err
}

// queue reads "3/96428": signals queued for the real user, and their limit.
func (s *State) queue(value []byte) error {
	queued, limit, ok := bytes.Cut(value, []byte("/"))
	q, err1 := strconv.ParseInt(string(queued), 10, 64)
	l, err2 := strconv.ParseUint(string(limit), 10, 64)
	if !ok || err1 != nil || err2 != nil || q < 0 {
		return fmt.Errorf("%w: %q", proc.ErrMalformed, clip(value))
	}
	s.Queued = model.Some(q)
	if s.unlimited = l >= 1<<63; !s.unlimited { // RLIM_INFINITY
		s.QueueLimit = model.Some(int64(l))
	}
	return nil
}

// Model is the state as a process carries it; nil if nothing is known.
func (s State) Model() *model.Signals {
	if s == (State{}) {
		return nil
	}
	return &model.Signals{
		Pending: list(s.Pending), SharedPending: list(s.SharedPending), Blocked: list(s.Blocked), Ignored: list(s.Ignored),
		Caught: list(s.Caught), Queued: s.Queued, QueueLimit: s.QueueLimit,
	}
}

func list(m model.Opt[Mask]) []string {
	if v, ok := m.Get(); ok {
		return v.Names()
	}
	return nil
}
