package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ipctop/ipctop/diagnose/graph"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/privilege"
	"github.com/ipctop/ipctop/query"
	"github.com/ipctop/ipctop/render/report"
)

// maxSamples limits how many samples of a recording a report shows over time.
const maxSamples = 120

func (c command) newReport(o *options) *cobra.Command {
	var out string
	var redact bool
	cmd := &cobra.Command{
		Use:   "report -o FILE.html",
		Short: "one page about everything, to attach to an incident",
		Long: "Writes one HTML page about the machine, a dump or a recording: the verdict with its chain as a picture, who communicates with\n" +
			"whom, tables that can be sorted and filtered, and for a recording what happened over time.\n\n" +
			"The page loads nothing and opens offline. Like a dump it contains the command lines and names of all processes.\n" +
			"Only its owner can read FILE. Use --redact before you pass it on: it replaces them with pseudonyms.",
		Example: "  ipctop report -o incident.html\n" +
			"  ipctop report -o incident.html --from 'ipc.rec@12:01' --redact\n" +
			"  ipctop report -o hosts.html --from web.rec --from db.rec",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if out == "" {
				return usageError("say where the page is to go: -o FILE.html, or -o - for standard output")
			}
			return c.report(cmd.Context(), o, out, redact)
		},
	}
	f := cmd.Flags()
	o.addSelf(f)
	f.StringVarP(&out, "output", "o", "", "write the page to `FILE`, which is replaced; - is standard output")
	f.BoolVar(&redact, "redact", false, "replace commands, paths, names, users and hosts with pseudonyms")
	return cmd
}

// report takes a snapshot and writes it as an HTML page.
func (c command) report(ctx context.Context, o *options, out string, redact bool) error {
	snap, err := c.snapshot(ctx, o)
	if err != nil {
		return err
	}
	samples, err := c.samples(ctx, o)
	if err != nil {
		return err
	}
	shown := query.WithoutOwn(snap)
	if redact {
		shown = query.NewRedactor().Redact(shown)
	}
	settings := report.Options{Samples: samples, Version: buildVersion()}
	if o.reads() && !redact {
		settings.Source = strings.Join(o.from, ", ")
	}
	g := graph.New(model.NewIndex(shown))
	write := func(w io.Writer) error {
		b := bufio.NewWriterSize(w, 64<<10)
		return errors.Join(report.Write(b, g, settings), b.Flush())
	}
	if out == "-" {
		return write(c.stdout)
	}
	return privilege.AsUser(func() error { return replaceFile(out, write) })
}

// samples are the samples of the recording that is read: all of them, or some at equal
// distances; nil if no recording is read.
func (c command) samples(ctx context.Context, o *options) ([]report.Sample, error) {
	names, err := expandFrom(o.from)
	if err != nil || len(names) != 1 || names[0] == "-" {
		return nil, err
	}
	s, err := c.openFrom(o, names[0])
	if err != nil {
		return nil, err
	}
	defer s.close()
	if s.rec == nil {
		return nil, nil
	}
	var list []report.Sample
	n := s.rec.Len()
	for i := range min(n, maxSamples) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		at := i
		if n > maxSamples {
			at = i * (n - 1) / (maxSamples - 1)
		}
		snap, err := s.rec.Load(at)
		if err != nil {
			continue // damaged: the other samples are enough
		}
		list = append(list, report.SampleOf(snap))
	}
	return list, nil
}

// replaceFile writes a new file that only its owner can read, and renames it to name once
// it is complete.
func replaceFile(name string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return fmt.Errorf("open %s: %w", name, errors.Unwrap(err))
	}
	err = errors.Join(write(f), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
