package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/pflag"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/render/live"
	"github.com/ipctop/ipctop/render/tui"
)

// liveOptions are the flags of ipctop without a command.
type liveOptions struct {
	delay      delay
	iterations int
	batch      bool
	ascii      bool
	readOnly   bool
	theme      string
	columns    []string     // as typed
	chosen     live.Columns // from flags and configuration
}

func (l *liveOptions) add(f *pflag.FlagSet) {
	l.delay = delay(2 * time.Second)
	f.VarP(&l.delay, "delay", "d", "`SECONDS` between scans, such as 0.5 or 500ms")
	f.IntVarP(&l.iterations, "iterations", "n", 0, "end after `N` scans; 0: never")
	f.BoolVarP(&l.batch, "batch", "b", false, "print a plain table for each scan instead of the live view")
	f.BoolVar(&l.ascii, "ascii", false, "use ASCII characters only, regardless of the locale")
	f.BoolVar(&l.readOnly, "readonly", false, "offer no action that changes the machine")
	f.StringArrayVar(&l.columns, "columns", nil, "columns of the live view: `[SCREEN=]A,B`, or [SCREEN=]+C for one more; may be repeated")
	f.StringVar(&l.theme, "theme", "", "use this `THEME`: "+strings.Join(tui.Themes, ", ")+"; NO_COLOR selects mono")
}

// check refuses invalid flags before anything is read.
func (l *liveOptions) check() error {
	switch {
	case l.iterations < 0:
		return usageError("-n %d: it cannot be negative", l.iterations)
	case l.theme != "" && !slices.Contains(tui.Themes, l.theme):
		return usageError("there is no theme %q: there are %s", l.theme, strings.Join(tui.Themes, ", "))
	}
	return nil
}

// delay is a duration as users type it: a plain number means seconds.
type delay time.Duration

// shortestDelay keeps ipctop from becoming a load on the machine.
const shortestDelay = 100 * time.Millisecond

// Set reads a delay.
func (d *delay) Set(s string) error {
	v, err := time.ParseDuration(s)
	if seconds, err2 := strconv.ParseFloat(s, 64); err2 == nil && seconds < 1e6 {
		v, err = time.Duration(seconds*float64(time.Second)), nil
	}
	switch {
	case err != nil:
		return errors.New("it is a number of seconds, such as 0.5 or 500ms")
	case v < shortestDelay:
		return fmt.Errorf("it must be at least %v", shortestDelay)
	}
	*d = delay(v)
	return nil
}

// String writes a delay.
func (d *delay) String() string { return time.Duration(*d).String() }

// Type names the flag's value in help.
func (d *delay) Type() string { return "seconds" }

// live opens the live view, or prints tables if there is no terminal for it.
func (c command) live(ctx context.Context, o *options, l *liveOptions) error {
	if err := l.check(); err != nil {
		return err
	}
	_, terminal := terminalWidth(c.stdout)
	if l.batch || !terminal {
		return c.tables(ctx, o, l)
	}
	hint := "TERM does not name a terminal that the live view could use"
	if term := os.Getenv("TERM"); term != "" && term != "dumb" {
		err := c.view(ctx, o, l)
		if !errors.Is(err, tui.ErrNoTerminal) {
			return err
		}
		hint = err.Error()
	}
	fmt.Fprintf(c.stderr, "ipctop: %s; this is a table instead (ipctop dump)\n", hint)
	return c.tables(ctx, o, l)
}

// view shows the live view until the user quits.
func (c command) view(ctx context.Context, o *options, l *liveOptions) error {
	progress := make(chan live.Reading, 1)
	o.progress = func(done, total int) {
		select {
		case progress <- live.Reading{Done: done, Total: total}:
		default: // the view has not read the last value yet
		}
	}
	var rates func(on bool) error
	var trace func(context.Context) (tui.Tracer, error)
	if !o.reads() {
		var end func()
		rates, end = liveRates(o)
		defer end()
		trace = traceLive(o)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(25) // most of the heap is long-lived history: letting it grow to double its size would gain little
	}
	scan, done, err := c.scanner(o)
	if err != nil {
		return err
	}
	defer done()
	name := l.themeName(os.Getenv, tui.LightBackground)
	theme, _ := tui.ThemeNamed(name)
	source := strings.Join(o.from, ", ")
	if source == "-" {
		source = "standard input"
	}
	settings := l.settings()
	settings.Source, settings.Powerless = source, powerless(o)
	settings.Theme, settings.Themes = name, tui.Themes
	var keep func(live.Setup) (string, error)
	if settings.Powerless == "" { // a program with more rights than its user must not write to a path that the user chooses
		keep = func(s live.Setup) (string, error) { return keepSetup(configFile(os.Getenv), s) }
	}
	return runView(ctx, tui.Options{
		Keep: keep, Settings: settings, Actor: actor{},
		Scan: scan, First: firstScan(o), Progress: progress, Rates: rates, Trace: trace, Once: o.reads(), Iterations: l.iterations, Save: saveDump, Theme: theme,
	})
}

// runView shows the view. If the terminal hangs up, the exit status is that of SIGHUP: the
// signal itself may arrive a little later.
func runView(ctx context.Context, o tui.Options) error {
	err := tui.Run(ctx, o)
	if errors.Is(err, tui.ErrHangUp) {
		return &exitError{stopSignal(syscall.SIGHUP).status(), nil}
	}
	return err
}

// themeName is the theme that the user chose by flag or NO_COLOR. Otherwise it fits the
// terminal's background, which it gets by asking the terminal, else from COLORFGBG.
func (l *liveOptions) themeName(getenv func(string) string, ask func() (light, known bool)) string {
	switch {
	case l.theme != "":
		return l.theme
	case getenv("NO_COLOR") != "":
		return "mono"
	}
	light, known := ask()
	if !known {
		light = lightBackground(getenv("COLORFGBG"))
	}
	if light {
		return "light"
	}
	return "default"
}

// lightBackground reads COLORFGBG, in which some terminals give their colours as numbers,
// the background last: 7 and 15 are white.
func lightBackground(colors string) bool {
	_, background, _ := cutLast(colors, ";")
	return background == "7" || background == "15"
}

// cutLast splits a text at the last occurrence of a separator.
func cutLast(s, separator string) (before, after string, found bool) {
	if i := strings.LastIndex(s, separator); i >= 0 {
		return s[:i], s[i+len(separator):], true
	}
	return s, "", false
}

// scanFunc takes a snapshot and indexes it.
type scanFunc func(context.Context) (*model.Index, error)

// scanner returns a function that takes one snapshot after the other, until done is called.
// A dump is read at once, so that its errors are reported on the command line.
func (c command) scanner(o *options) (scan scanFunc, done func(), err error) {
	if o.reads() {
		snap, err := c.readAllFrom(o)
		if err != nil {
			return nil, nil, err
		}
		snap.ShowOwn = o.self
		index := model.NewIndex(snap)
		return func(context.Context) (*model.Index, error) { return index, nil }, func() {}, nil
	}
	return machineScanner(o)
}

// stateDir is the directory for dumps that cannot be saved in the current directory.
func stateDir(getenv func(string) string) (string, error) {
	if dir := getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "ipctop"), nil
	}
	home := getenv("HOME")
	if home == "" {
		return "", errors.New("the current directory cannot be written to, and HOME is not set")
	}
	return filepath.Join(home, ".local", "state", "ipctop"), nil
}
