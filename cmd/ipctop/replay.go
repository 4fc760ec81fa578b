package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ipctop/ipctop/fleet"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/record"
	"github.com/ipctop/ipctop/render"
	"github.com/ipctop/ipctop/render/live"
	"github.com/ipctop/ipctop/render/tui"
)

func (c command) newReplay(o *options) *cobra.Command {
	l := new(liveOptions)
	at := ""
	cmd := &cobra.Command{
		Use:   "replay FILE...",
		Short: "the live view over a recording",
		Long: "Opens the live view on a recording. [ and ] go to the previous and the next sample, { and } to the previous and the next\n" +
			"change in findings, ^ and $ to the first and the last sample, @ to a time. Everything else is as in the live view, except\n" +
			"that there are no actions. Samples are read when they are shown: a recording of several days opens at once.\n\n" +
			"Several recordings, or a directory of them, are shown together, each as one host: from the latest of their beginnings to\n" +
			"the earliest of their ends. Each host is shown by its sample nearest to the selected time.\n\n" +
			"Where there is no terminal it prints a table, as ipctop dump --from does.",
		Example: "  ipctop replay ipc.rec\n  ipctop replay ipc.rec -t 12:01\n  ipctop replay ipc.rec -t '3m ago'\n  ipctop replay web.rec lb.rec db.rec",
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case o.reads():
				return usageError("replay names its files: --from does not apply here")
			case len(args) == 0:
				return usageError("name a recording (see ipctop replay --help)")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return c.replay(cmd.Context(), o, l, args, at) },
	}
	f := cmd.Flags()
	f.StringVarP(&at, "time", "t", "", "begin at `TIME`: 12:01, 12:01:30, 2025-03-01T12:01:30Z, \"3m ago\"; else at the last sample")
	f.BoolVar(&l.ascii, "ascii", false, "use ASCII characters only, regardless of the locale")
	f.StringVar(&l.theme, "theme", "", "use this `THEME`: "+strings.Join(tui.Themes, ", ")+"; NO_COLOR selects mono")
	return cmd
}

// timeline is what is replayed: one recording, or several on one timeline.
type timeline struct {
	live.Timeline
	load   func(i int) (*model.Snapshot, error)
	source string // the files, as users know them
}

func (c command) replay(ctx context.Context, o *options, l *liveOptions, names []string, at string) error {
	if err := l.check(); err != nil {
		return err
	}
	all, err := expandFrom(names)
	if err != nil {
		return err
	}
	sources, err := c.openHosts(o, all, len(all) > len(names))
	if err != nil {
		return err
	}
	defer closeAll(sources)
	for _, s := range sources {
		if s.rec == nil {
			return usageError("%s is a dump, not a recording: ipctop --from shows it", s.name)
		}
		if at != "" && s.time != "" {
			return usageError("@%s and -t %s contradict each other", s.time, at)
		}
	}
	var f *timeline
	var start int
	if s := sources[0]; len(sources) == 1 {
		f = &timeline{s.rec, s.load, s.name}
		if at != "" {
			s.time = at
			if s.moment, err = record.ParseMoment(at, time.Local); err != nil {
				return usageError("-t %s: %w", at, err)
			}
		}
		start, err = s.at(c.stderr)
	} else {
		f, start, err = c.timelineOf(sources, at)
	}
	if err != nil {
		return err
	}
	_, terminal := terminalWidth(c.stdout)
	if term := os.Getenv("TERM"); terminal && term != "" && term != "dumb" {
		err := c.viewRecording(ctx, l, f, start)
		if !errors.Is(err, tui.ErrNoTerminal) {
			return err
		}
		fmt.Fprintf(c.stderr, "ipctop: %s; this is a table instead\n", render.EscapeMessage(err.Error()))
	}
	snap, err := f.load(start)
	if err != nil {
		return err
	}
	request, err := (&outputOptions{format: "table", color: "auto"}).request(c.stdout, nil, nil)
	if err != nil {
		return err
	}
	request.ASCII = request.ASCII || l.ascii
	return c.batch(request, snap, false)
}

// timelineOf makes a timeline of the recordings of several hosts. It starts at the given time, else
// at the last step.
func (c command) timelineOf(sources []*source, at string) (f *timeline, start int, err error) {
	var hosts []fleet.Samples
	var names []string
	for _, s := range sources {
		if s.time != "" {
			return nil, 0, usageError("@%s: of several recordings, -t %s is the time to begin at", s.time, s.time)
		}
		if _, err := s.at(c.stderr); err != nil {
			return nil, 0, err
		}
		hosts, names = append(hosts, s.rec), append(names, s.name)
	}
	line := fleet.NewTimeline(hosts)
	f = &timeline{Timeline: line, source: strings.Join(names, ", ")}
	f.load = func(i int) (*model.Snapshot, error) {
		var members []fleet.Member
		for j, s := range sources {
			snap, err := s.load(line.Sample(i, j))
			if err != nil {
				return nil, err
			}
			members = append(members, fleet.Member{Source: s.name, Snapshot: snap})
		}
		snap, _, err := mergeHosts(members)
		return snap, err
	}
	start = line.Len() - 1
	if at != "" {
		moment, err := record.ParseMoment(at, time.Local)
		if err != nil {
			return nil, 0, usageError("-t %s: %w", at, err)
		}
		if start, _ = moment.In(line); start < 0 {
			return nil, 0, &exitError{exitNotFound, fmt.Errorf("all recordings together begin at %s: there is nothing from %s", line.Time(0).Local().Format(time.DateTime), at)}
		}
	}
	return f, start, nil
}

// viewRecording opens the live view on a timeline.
func (c command) viewRecording(ctx context.Context, l *liveOptions, f *timeline, start int) error {
	theme, _ := tui.ThemeNamed(l.themeName(os.Getenv, tui.LightBackground))
	settings := l.settings()
	settings.Source, settings.Timeline, settings.Start = f.source, f.Timeline, start
	return runView(ctx, tui.Options{Settings: settings, Load: f.load, Save: saveDump, Theme: theme})
}
