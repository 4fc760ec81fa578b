package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/ipctop/ipctop/corefile"
	"github.com/ipctop/ipctop/diagnose/graph"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/postmortem"
	"github.com/ipctop/ipctop/query"
	"github.com/ipctop/ipctop/render"
)

func (c command) newPostmortem(o *options) *cobra.Command {
	var with string
	cmd := &cobra.Command{
		Use:     "postmortem FILE",
		Aliases: []string{"core"},
		Short:   "say what happened, from a core file, a dump or a recording",
		Long: "Reports what FILE tells about what happened.\n\n" +
			"From a core file (amd64, arm64; also compressed with zstd, lz4, xz or gzip): the signal that ended the\n" +
			"process and who sent it, what each thread was blocked in, which signals it had blocked and pending, which robust mutexes\n" +
			"it held, and which memory it shared. A core does not show other processes: --with takes a dump or recording of the\n" +
			"same time, and adds whom the process talked to and what it was stuck on.\n\n" +
			"From a dump, or a sample of a recording: the findings, and everything that was stuck.",
		Example: "  ipctop postmortem core.4121\n" +
			"  ipctop postmortem --with 'ipc.rec@12:01' core.4121\n" +
			"  ipctop postmortem /var/lib/systemd/coredump/core.writer.zst\n" +
			"  ipctop postmortem 'ipc.rec@3m ago'",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError("name one file (see %s --help)", cmd.CommandPath())
			}
			return nil
		},
	}
	format := addFormat(cmd, "text", "json")
	cmd.Flags().StringVar(&with, "with", "", "of a core: `FILE[@TIME]`, a dump or recording of the same time")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		if o.reads() {
			return usageError("postmortem takes the file as an argument: --from does not apply here")
		}
		core, err := readCore(args[0])
		if err != nil {
			return err
		}
		if core == nil {
			if with != "" {
				return usageError("%s is no core: --with does not apply here", args[0])
			}
			return c.postmortemSnapshot(o, args[0], format.value == "json")
		}
		var snap *model.Snapshot
		if with != "" {
			if snap, err = c.readFrom(o, with); err != nil {
				return err
			}
		}
		return c.corePostmortem(args[0], core, snap, format.value == "json")
	}
	return cmd
}

// readCore reads a core file; nil if the file is not a core file.
func readCore(name string) (*corefile.Core, error) {
	f, err := openAsUser(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil // -, or FILE@TIME
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	var first [8]byte
	n, err := f.ReadAt(first[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if corefile.Detect(first[:n]) == "" {
		return nil, nil
	}
	core, err := corefile.Open(f, info.Size())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return core, nil
}

// corePostmortem prints what a core file shows and what a snapshot of the same time adds,
// if there is one (nil: none).
func (c command) corePostmortem(name string, core *corefile.Core, snap *model.Snapshot, json bool) error {
	r := postmortem.New(core, snap)
	if json {
		_, err := c.stdout.Write(append(model.AppendJSON(nil, r), '\n'))
		return err
	}
	if _, err := c.stdout.Write(r.Text(name)); err != nil || snap == nil {
		return err
	}
	if r.With.Process == nil {
		return &exitError{exitNotFound, fmt.Errorf("at %s there was no process %s(%d), or it is not known which",
			snap.Taken.Local().Format(time.DateTime), render.Escape(core.Process.Comm), core.Process.PID)}
	}
	x := model.NewIndex(snap)
	return render.Why(c.stdout, c.postmortemView(x), graph.New(x), []query.Match{{Process: r.With.Process}})
}

// postmortemView is the view that writes the texts of a postmortem.
func (c command) postmortemView(x *model.Index) *render.View {
	width, terminal := terminalWidth(c.stdout)
	return render.NewView(x, &render.Options{
		ASCII: !utf8Locale(os.Getenv), Width: width, Color: terminal && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb",
	})
}

// postmortemSnapshot prints what was wrong at the time of a dump or of a recording's sample.
func (c command) postmortemSnapshot(o *options, name string, json bool) error {
	s, err := c.openFrom(o, name)
	if err != nil {
		return err
	}
	defer s.close()
	snap, err := s.snapshot(c.stderr)
	if err != nil {
		return err
	}
	r := postmortem.OfSnapshot(s.name, snap, s.rec)
	if json {
		_, err := c.stdout.Write(append(model.AppendJSON(nil, r), '\n'))
		return err
	}
	x := o.newIndexOf(snap)
	v := c.postmortemView(x)
	if _, err := c.stdout.Write(r.Text()); err != nil {
		return err
	}
	if len(snap.Findings) > 0 {
		if err := render.Check(c.stdout, v, snap.Findings); err != nil {
			return err
		}
		fmt.Fprintln(c.stdout)
	}
	return render.WhyAll(c.stdout, v, o.graphOf(snap))
}
