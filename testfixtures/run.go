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

// Run is a set of fixtures that exist until Close.
type Run struct {
	// Instances are the fixtures that were made, in the order asked for.
	Instances []Instance
	// Skipped are the fixtures that cannot be made here.
	Skipped []Skipped
	// Failed are the fixtures that could not be made because of an error; see [StartAvailable].
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

// Failed is a fixture that this machine should be able to make but could not, and the error.
type Failed struct {
	Fixture string
	Err     error
}

// Start makes the fixtures with these names, or all if there are no names. Fixtures that
// this machine or user cannot make are skipped. If anything else fails, it returns an error
// and leaves nothing behind. ctx limits only the making: fixtures exist until Close.
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

// StartAvailable is like [Start], but a fixture that fails does not affect the others: it
// is in Failed. An error means that no fixture could be made, or that ctx ended.
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

// Close ends the holders, waits for them, and removes everything that was made. The error
// says what could not be removed. Closing twice has no further effect.
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

// make makes one fixture. It then closes the descriptors that were needed for that, so that
// only the holders hold the objects.
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

// maker is what a fixture uses to make itself.
type maker struct {
	ctx       context.Context
	run       *Run
	fixture   *Fixture
	processes []*process
	children  []int // children of the holders, which reap them
	open      []int
	waits     []tree // the threads blocked on it, in the form of a dump

	finding        *Diagnosis // what the rule must find; see [maker.expectFinding]
	controlObjects []string   // additional objects of a negative control
}

// spawn starts a holder without waiting for it.
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

// ended starts a holder whose role is [ending], and waits for its end.
func (m *maker) ended(role string, report any, o part) (pid int, err error) {
	p, err := m.start(role, report, o)
	if err != nil {
		return 0, err
	}
	p.wait(time.Now().Add(readyWithin))
	return p.pid, nil
}

// own closes descriptors as soon as the fixture is made.
func (m *maker) own(fds ...int) { m.open = append(m.open, fds...) }

// until waits until cond is true. what names the condition in errors.
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

// inode is the inode number behind a descriptor, in the form of the JSON.
func inode(fd int) (string, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return "", os.NewSyscallError("fstat", err)
	}
	return fmt.Sprint(st.Ino), nil
}

// queued is the number of bytes that can be read from a descriptor.
func queued(fd int) (int, error) {
	n, err := unix.IoctlGetInt(fd, unix.TIOCINQ)
	return n, os.NewSyscallError("ioctl FIONREAD", err)
}

// named is the error of a system call, with its name; nil if there was no error.
func named(call string, errno unix.Errno) error {
	if errno == 0 {
		return nil
	}
	return fmt.Errorf("%s: %w", call, errno)
}
