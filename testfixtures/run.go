package testfixtures

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Run is a set of fixtures that exist, until Close.
type Run struct {
	// Instances are the fixtures that were made, in the order asked for.
	Instances []Instance
	// Skipped are those that cannot be made here.
	Skipped []Skipped
	// Failed are those that went wrong; see [StartAvailable].
	Failed []Failed

	manifest  *manifest
	deathPipe [2]int // read end, write end
	processes []*process
	close     sync.Once
	closeErr  error
}

// Skipped is a fixture that cannot be made here, and why.
type Skipped struct {
	Fixture string `json:"fixture"`
	Reason  string `json:"reason"`
}

// Failed is a fixture that could not be made although this machine should be able
// to, and what went wrong.
type Failed struct {
	Fixture string
	Err     error
}

// Start makes the fixtures of these names, or all without a name. What this
// machine or user cannot make is skipped; if anything else goes wrong, there is
// an error and nothing is left. ctx bounds the making only: what was made lasts
// until Close.
func Start(ctx context.Context, names ...string) (*Run, error) {
	run, err := StartAvailable(ctx, names...)
	if err != nil {
		return nil, err
	}
	if len(run.Failed) > 0 {
		f := run.Failed[0]
		return nil, errors.Join(fmt.Errorf("fixture %s: %w", f.Fixture, f.Err), run.Close())
	}
	return run, nil
}

// StartAvailable is [Start], but a fixture that goes wrong does not take the others
// with it: it is in Failed. An error says that none could be made, or that ctx ended.
func StartAvailable(ctx context.Context, names ...string) (*Run, error) {
	fixtures, err := find(names)
	if err != nil {
		return nil, err
	}
	run, err := newRun()
	if err != nil {
		return nil, err
	}
	if slices.Contains(names, demoName) {
		if err := run.manifest.makeDemoDir(); err != nil {
			return nil, errors.Join(err, run.Close())
		}
	}
	for i := range fixtures {
		inst, err := run.make(ctx, &fixtures[i])
		var cannot *Unavailable
		switch {
		case errors.As(err, &cannot):
			run.Skipped = append(run.Skipped, Skipped{fixtures[i].Name, cannot.Error()})
		case ctx.Err() != nil:
			return nil, errors.Join(fmt.Errorf("fixture %s: %w", fixtures[i].Name, err), run.Close())
		case err != nil:
			run.Failed = append(run.Failed, Failed{fixtures[i].Name, err})
		default:
			run.Instances = append(run.Instances, inst)
		}
	}
	return run, nil
}

// newRun is a run without fixtures.
func newRun() (*Run, error) {
	run := &Run{deathPipe: [2]int{-1, -1}}
	var err error
	if run.manifest, err = newManifest(); err != nil {
		return nil, err
	}
	if err := unix.Pipe2(run.deathPipe[:], unix.O_CLOEXEC); err != nil {
		return nil, errors.Join(fmt.Errorf("parent-death pipe: pipe: %w", err), run.Close())
	}
	return run, nil
}

// Close ends the holders, waits for them, and removes everything that was made.
// The error says what could not be removed; closing twice is the same as once.
func (r *Run) Close() error {
	r.close.Do(func() { r.closeErr = r.end() })
	return r.closeErr
}

func (r *Run) end() error {
	for _, fd := range r.deathPipe {
		if fd >= 0 {
			_ = unix.Close(fd)
		}
	}
	deadline := time.Now().Add(endWithin)
	for _, p := range r.processes {
		p.wait(deadline)
	}
	report := r.manifest.removeAll()
	if len(report.Kept) > 0 {
		return fmt.Errorf("not removed: %s", report.Kept[0])
	}
	return nil
}

// make makes one fixture. The descriptors it needed on the way are closed here,
// so that afterwards the holders alone hold what it made.
func (r *Run) make(ctx context.Context, f *Fixture) (Instance, error) {
	m := &maker{ctx: ctx, run: r, fixture: f}
	o, err := f.make(m)
	if err == nil {
		err = ctx.Err()
	}
	for _, fd := range m.open {
		_ = unix.Close(fd)
	}
	r.processes = append(r.processes, m.processes...)
	if err != nil {
		for _, p := range m.processes {
			p.kill()
		}
		return Instance{}, err
	}
	inst := Instance{Fixture: f.Name, Kind: f.Kind(), Object: o.id, PIDs: []int{}}
	for _, p := range m.processes {
		if !p.reaped {
			inst.PIDs = append(inst.PIDs, p.pid)
		}
	}
	inst.PIDs = append(inst.PIDs, m.children...)
	switch inst.Kind {
	case RuleKind:
		if inst.Diagnosis, err = m.diagnosis(o, inst.PIDs); err != nil {
			return inst, err
		}
	case SignalsKind:
	default:
		o.expect["id"], o.expect["kind"] = o.id, inst.Kind
	}
	if len(m.waits) > 0 {
		if inst.Waits, err = json.Marshal(m.waits); err != nil {
			return inst, err
		}
	}
	inst.Expect, err = json.Marshal(o.expect)
	return inst, err
}

// maker is what a fixture makes itself with.
type maker struct {
	ctx       context.Context
	run       *Run
	fixture   *Fixture
	processes []*process
	children  []int // processes that those made, and wait for
	open      []int
	waits     []tree // how a dump shows the threads that are blocked on it

	finding *Diagnosis // what its rule must find; see [maker.finds]
	looks   []string   // further objects of a negative control
}

// spawn starts a holder and does not wait for it.
func (m *maker) spawn(role string, o part) (*process, error) {
	p, err := startProcess(m.ctx, m.fixture, role, m.run.deathPipe[0], o)
	if err != nil {
		return nil, err
	}
	m.processes = append(m.processes, p)
	return p, m.run.manifest.noteProcess(p.pid)
}

// start starts a holder and waits until it is ready; see [process.await].
func (m *maker) start(role string, report any, o part) (*process, error) {
	p, err := m.spawn(role, o)
	if err != nil {
		return nil, err
	}
	return p, p.await(report)
}

// ended starts a holder whose role is [ending] and waits for its end.
func (m *maker) ended(role string, report any, o part) (pid int, err error) {
	p, err := m.start(role, report, o)
	if err != nil {
		return 0, err
	}
	p.wait(time.Now().Add(readyWithin))
	return p.pid, nil
}

// own has a descriptor closed as soon as the fixture is made.
func (m *maker) own(fds ...int) { m.open = append(m.open, fds...) }

// until waits until cond holds. what says what is waited for.
func (m *maker) until(what string, cond func() (bool, error)) error {
	deadline := time.Now().Add(readyWithin)
	for {
		ok, err := cond()
		switch {
		case err != nil || ok:
			return err
		case m.ctx.Err() != nil:
			return m.ctx.Err()
		case time.Now().After(deadline):
			return fmt.Errorf("%s: not after %v", what, readyWithin)
		}
		time.Sleep(time.Millisecond)
	}
}

// inode is the inode number of a descriptor's object as JSON has it.
func inode(fd int) (string, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return "", os.NewSyscallError("fstat", err)
	}
	return fmt.Sprint(st.Ino), nil
}

// queued is how many bytes can be read from a descriptor.
func queued(fd int) (int, error) {
	n, err := unix.IoctlGetInt(fd, unix.TIOCINQ)
	return n, os.NewSyscallError("ioctl FIONREAD", err)
}

// named is the error of a system call; nil without one.
func named(call string, errno unix.Errno) error {
	if errno == 0 {
		return nil
	}
	return fmt.Errorf("%s: %w", call, errno)
}
