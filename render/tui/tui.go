package tui

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gdamore/tcell/v2"
	_ "github.com/gdamore/tcell/v2/encoding" // without this, tcell does not start in 8-bit locales

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/render/live"
)

// Options configure the view.
type Options struct {
	live.Settings

	// Scan takes a snapshot and indexes it. It runs in a goroutine of its own.
	Scan func(context.Context) (*model.Index, error)

	// First takes a snapshot of only the processes, which is quick. It is shown until the
	// first complete snapshot is there. May be nil.
	First func(context.Context) (*model.Index, error)

	// Progress reports how far the first snapshot is. May be nil.
	Progress <-chan live.Reading

	// Load reads a sample of a recording; nil if there is no recording. If it is set, Scan
	// is not used. It is never called concurrently.
	Load func(at int) (*model.Snapshot, error)

	// Once says that there is only one snapshot, such as a dump.
	Once bool

	// Iterations is the number of snapshots after which the view ends; 0: it does not.
	Iterations int

	// Rates switches the measurement of traffic on or off; the next snapshots then contain
	// the traffic. nil for a file.
	Rates func(on bool) error

	// Trace begins to trace events; nil for a file.
	Trace func(context.Context) (Tracer, error)

	// Save writes a snapshot to a file and returns its path.
	Save func(*model.Snapshot) (string, error)

	// Keep writes the user's setup to the configuration file and returns its path; nil if
	// there is no such file.
	Keep func(live.Setup) (string, error)

	// Actor changes the machine; nil if that is not possible.
	Actor Actor

	Theme Theme

	// Screen is the screen to use, already initialised; nil means the terminal. Tests use a
	// simulation.
	Screen tcell.Screen
}

// ErrNoTerminal says that there is no terminal on which the view could be shown.
var ErrNoTerminal = errors.New("the live view needs a terminal")

// ErrHangUp says that the terminal cannot be read any more: the window was closed, or
// the connection to it has ended. There is nobody left to tell.
var ErrHangUp = errors.New("the terminal is gone")

// view is a running view. The main loop owns it.
type view struct {
	Options
	screen tcell.Screen
	model  live.Model
	shown  int // number of snapshots shown
	sample sample
	drawn  drawn

	posts   chan post
	done    chan struct{} // closed when the main loop ends
	paused  atomic.Bool
	delay   atomic.Int64  // nanoseconds from one scan to the next
	resumed chan struct{} // holds one value after a pause

	acts chan func()
	held []Held

	tracing tracing

	pasting bool
	pasted  strings.Builder
}

// post is what a goroutine reports to the main loop: an event for the model, an
// event of the terminal, or a panic.
type post struct {
	event    live.Event
	terminal tcell.Event
	panicked any
	stack    []byte
}

// Run shows the view until the user quits. The error is the context's if the context has
// ended, which a signal causes, and ErrHangUp if the terminal is gone.
func Run(ctx context.Context, o Options) error {
	screen, err := start(o.Screen)
	if err != nil {
		return err
	}
	v := &view{
		Options: o, screen: screen, model: live.New(o.Settings),
		posts: make(chan post, 16), done: make(chan struct{}), resumed: make(chan struct{}, 1),
		acts: make(chan func(), maxActs),
	}
	v.delay.Store(int64(o.Interval))
	return v.run(ctx)
}

// start initialises the terminal.
func start(screen tcell.Screen) (tcell.Screen, error) {
	if screen == nil {
		var err error
		if screen, err = tcell.NewScreen(); err == nil {
			err = screen.Init()
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNoTerminal, err)
		}
	}
	screen.EnableMouse(tcell.MouseButtonEvents)
	screen.EnablePaste()
	return screen, nil
}

func (v *view) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	jobs := watchJobControl()
	defer jobs.stop()
	// The order matters: the terminal must be restored before anything is written to it,
	// such as a panic of the main loop itself.
	defer v.tracing.wait()
	defer cancel()
	defer close(v.done)
	defer v.screen.Fini()
	width, height := v.screen.Size()
	v.do(live.Resize{Width: width, Height: height})
	v.draw()
	if v.Load != nil {
		v.goes(func() { v.load(v.Start) })
	} else {
		v.goes(func() { v.scan(ctx) })
	}
	v.goes(v.listen)
	v.goes(v.actor)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-jobs.stopped: // kill -TSTP, or a shell's suspend
			v.suspend(jobs)
		case <-jobs.continued: // after a SIGSTOP, which cannot be caught
			v.screen.Sync()
		case p := <-v.posts:
			if end, err := v.handle(ctx, p, jobs); end || err != nil {
				return err
			}
			// Handle everything that has arrived meanwhile before the next frame.
			for more := true; more; {
				select {
				case p := <-v.posts:
					if end, err := v.handle(ctx, p, jobs); end || err != nil {
						return err
					}
				default:
					more = false
				}
			}
		}
		v.draw()
	}
}

// handle passes one report to the model and carries out its effects. It reports whether the
// view must end.
func (v *view) handle(ctx context.Context, p post, jobs *jobControl) (end bool, err error) {
	e := p.event
	switch {
	case p.panicked != nil:
		v.screen.Fini()
		return true, fmt.Errorf("panic: %v\n\n%s", p.panicked, p.stack)
	case p.terminal != nil:
		if e, err = v.translate(p.terminal); err != nil || e == nil {
			return false, err
		}
	}
	if _, ok := e.(live.Scanned); ok {
		v.shown++
	}
	for _, effect := range v.do(e) {
		switch effect := effect.(type) {
		case live.Quit:
			return true, nil
		case live.Suspend:
			v.suspend(jobs)
		case live.Redraw:
			v.screen.Sync()
		case live.Pause:
			v.pause(effect.On)
		case live.Copy:
			v.screen.SetClipboard([]byte(effect.Text))
		case live.Aim:
			v.act(func() { v.aim(effect) })
		case live.LetGo:
			v.act(v.letGo)
		case live.Fire:
			v.act(func() { v.fire(effect) })
		case live.Remove:
			v.act(func() { v.remove(effect) })
		case live.Load:
			v.goes(func() { v.load(effect.At) })
		case live.Retime:
			v.delay.Store(int64(effect.Delay))
		case live.Retheme:
			v.Theme, _ = ThemeNamed(effect.Theme)
			v.screen.Sync()
		case live.Keep:
			v.goes(func() { v.keep(effect.Setup) })
		case live.Rates:
			v.goes(func() { v.post(post{event: live.RatesSet{On: effect.On, Err: v.Rates(effect.On)}}) })
		case live.Trace:
			v.goes(func() { v.trace(ctx, effect.On) })
		case live.Save:
			v.goes(func() { v.save(effect.Snapshot) })
		}
	}
	return v.Iterations > 0 && v.shown >= v.Iterations && !v.Once, nil
}

// do updates the model. It starts a goroutine for longer work, and returns the other
// effects.
func (v *view) do(e live.Event) []live.Effect {
	m, effects := live.Update(v.model, e)
	v.model = m
	var rest []live.Effect
	for _, effect := range effects {
		if w, ok := effect.(live.Work); ok {
			v.goes(func() { v.post(post{event: w.Run()}) })
			continue
		}
		rest = append(rest, effect)
	}
	return rest
}

// goes starts a goroutine and reports its panic to the main loop, so that the terminal is
// restored before the panic is printed.
func (v *view) goes(f func()) {
	go func() {
		defer func() {
			if p := recover(); p != nil {
				v.post(post{panicked: p, stack: debug.Stack()})
			}
		}()
		f()
	}()
}

// post reports to the main loop, unless that has ended.
func (v *view) post(p post) {
	select {
	case v.posts <- p:
	case <-v.done:
	}
}

// listen reads the terminal.
func (v *view) listen() {
	for {
		e := v.screen.PollEvent()
		if e == nil {
			return
		}
		v.post(post{terminal: e})
	}
}

// pause stops or resumes the scanner. It does not wait for it, because a scan may be
// running.
func (v *view) pause(on bool) {
	v.paused.Store(on)
	if !on {
		select {
		case v.resumed <- struct{}{}:
		default:
		}
	}
}

func (v *view) keep(s live.Setup) {
	e := live.Kept{Err: errors.New("there is no configuration file to write to")}
	if v.Keep != nil {
		e.Path, e.Err = v.Keep(s)
	}
	v.post(post{event: e})
}

func (v *view) save(s *model.Snapshot) {
	path, err := v.Save(s)
	v.post(post{event: live.Saved{Path: path, Err: err}})
}

// scan takes snapshots at the user's interval and prepares them. Between two scans there is
// always a pause of at least a quarter of the interval, even if scans take longer.
func (v *view) scan(ctx context.Context) {
	var prev *live.Data
	var own cost
	if v.First != nil {
		if index, err := v.First(ctx); err == nil {
			v.post(post{event: live.Glimpsed{Data: live.Prepare(index, nil, v.Settings)}})
		}
	}
	whole := make(chan struct{}) // closed when there is a complete snapshot
	if v.Progress != nil {
		v.goes(func() { v.progress(ctx, whole) })
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-v.resumed:
		case <-timer.C:
		}
		if v.paused.Load() {
			continue // until resumed
		}
		begin := time.Now()
		index, err := v.Scan(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			v.post(post{event: live.ScanFailed{At: begin, Err: err.Error()}})
		default:
			if prev == nil {
				close(whole)
			}
			prev = live.Prepare(index, prev, v.Settings)
			v.post(post{event: live.Scanned{Data: prev, CPU: own.since()}})
		}
		if v.Once && err == nil {
			return
		}
		delay := time.Duration(v.delay.Load())
		timer.Reset(max(delay-time.Since(begin), delay/4))
	}
}

// progress shows how far the first snapshot is.
func (v *view) progress(ctx context.Context, whole <-chan struct{}) {
	for {
		select {
		case e := <-v.Progress:
			v.post(post{event: e})
		case <-whole:
			return
		case <-ctx.Done():
			return
		}
	}
}
