package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ipctop/ipctop/record"
	"github.com/ipctop/ipctop/render"
	"github.com/ipctop/ipctop/render/tui"
)

func (c command) newReplay(o *options) *cobra.Command {
	l := new(liveOptions)
	at := ""
	cmd := &cobra.Command{
		Use:   "replay FILE",
		Short: "the live view over a recording",
		Long: "Opens the live view on a recording. [ and ] go to the previous and the next sample, { and } to the previous and the next\n" +
			"change in findings, ^ and $ to the first and the last sample, @ to a time. Everything else is as in the live view, except\n" +
			"that there are no actions. Samples are read when they are shown: a recording of several days opens at once.\n\n" +
			"Where there is no terminal it prints a table, as ipctop dump --from does.",
		Example: "  ipctop replay ipc.rec\n  ipctop replay ipc.rec -t 12:01\n  ipctop replay ipc.rec -t '3m ago'",
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case o.reads():
				return usageError("replay names its file: --from does not apply here")
			case len(args) != 1:
				return usageError("name one recording (see ipctop replay --help)")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return c.replay(cmd.Context(), o, l, args[0], at) },
	}
	f := cmd.Flags()
	f.StringVarP(&at, "time", "t", "", "begin at `TIME`: 12:01, 12:01:30, 2025-03-01T12:01:30Z, \"3m ago\"; else at the last sample")
	f.BoolVar(&l.ascii, "ascii", false, "use ASCII characters only, regardless of the locale")
	f.StringVar(&l.theme, "theme", "", "use this `THEME`: "+strings.Join(tui.Themes, ", ")+"; NO_COLOR selects mono")
	return cmd
}

func (c command) replay(ctx context.Context, o *options, l *liveOptions, name, at string) error {
	if err := l.check(); err != nil {
		return err
	}
	s, err := c.openFrom(o, name)
	if err != nil {
		return err
	}
	defer s.close()
	if s.rec == nil {
		return usageError("%s is a dump, not a recording: ipctop --from shows it", s.name)
	}
	if at != "" {
		if s.time != "" {
			return usageError("@%s and -t %s contradict each other", s.time, at)
		}
		s.time = at
		if s.moment, err = record.ParseMoment(at, time.Local); err != nil {
			return usageError("-t %s: %w", at, err)
		}
	}
	start, err := s.at(c.stderr)
	if err != nil {
		return err
	}
	_, terminal := terminalWidth(c.stdout)
	if term := os.Getenv("TERM"); terminal && term != "" && term != "dumb" {
		err := c.viewRecording(ctx, l, s, start)
		if !errors.Is(err, tui.ErrNoTerminal) {
			return err
		}
		fmt.Fprintf(c.stderr, "ipctop: %s; this is a table instead\n", render.EscapeMessage(err.Error()))
	}
	snap, err := s.load(start)
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

// viewRecording is the live view over a recording.
func (c command) viewRecording(ctx context.Context, l *liveOptions, s *source, start int) error {
	theme, _ := tui.ThemeNamed(l.themeName(os.Getenv, tui.LightBackground))
	settings := l.settings()
	settings.Source, settings.Timeline, settings.Start = s.name, s.rec, start
	return runView(ctx, tui.Options{Settings: settings, Load: s.load, Save: saveDump, Theme: theme})
}
