package probe

import (
	"fmt"
	"strconv"

	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/proc"
)

// open opens the directory of a process that was read before. It fails if another
// process has the pid now.
func (s *Scan) open(t *guard.Task, p *model.Process) (*proc.Dir, error) {
	if dir, ok := s.scanner.handles.Get(p.PID, p.StartTicks); ok {
		return dir, nil
	}
	if s.facts != nil && s.facts.once {
		// Much of the process is known already: perhaps nothing has to be opened.
		return s.root.Later(strconv.Itoa(p.PID), checkProcess(p)), nil
	}
	dir, err := s.root.Open(strconv.Itoa(p.PID))
	if err != nil {
		return dir, err
	}
	fail := func(err error) (*proc.Dir, error) {
		dir.Close()
		return nil, err
	}
	if t != nil && !t.Begin("stat", 0) {
		return fail(guard.ErrGivenUp)
	}
	sc := scratches.Get().(*scratch)
	defer scratches.Put(sc)
	text, err := dir.ReadRecord("stat", sc.text[:0])
	if t != nil {
		t.End()
	}
	sc.text = text[:0]
	if err != nil {
		return fail(err)
	}
	st, err := proc.ParseStat(text)
	if err == nil && st.StartTicks != p.StartTicks {
		err = fmt.Errorf("%s: another process now: %w", dir.Path(), proc.ErrVanished)
	}
	if err != nil {
		return fail(err)
	}
	return dir, nil
}
