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
	"github.com/ipctop/ipctop/query"
	"github.com/ipctop/ipctop/render"
)

func (c command) newPostmortem(o *options) *cobra.Command {
	var with string
	cmd := &cobra.Command{
		Use:     "postmortem FILE",
		Aliases: []string{"core"},
		Short:   "say what happened, from a core file, a dump or a recording",
		Long: "Says what FILE is and what it tells.\n\n" +
			"Of a core file (amd64, arm64; also compressed with zstd, lz4, xz or gzip): the signal that ended the\n" +
			"process and who sent it, what each thread was blocked in, which signals it had blocked and pending, which robust mutexes\n" +
			"it held, and which memory it shared. What other processes did is not in a core: --with takes a dump or recording of the\n" +
			"same time and adds whom the process talked to and what it was stuck on.\n\n" +
			"Of a dump, or a moment of a recording: the findings, and all that was stuck.",
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
		if o.from != "" {
			return usageError("postmortem takes the file as an argument: --from has no use here")
		}
		core, err := readCore(args[0])
		if err != nil {
			return err
		}
		if core == nil {
			if with != "" {
				return usageError("%s is no core: --with has no use here", args[0])
			}
			return c.postmortemSnapshot(args[0], format.value == "json")
		}
		var snap *model.Snapshot
		if with != "" {
			if snap, err = c.readFrom(with); err != nil {
				return err
			}
		}
		if format.value == "json" {
			return c.coreJSON(core, snap)
		}
		return c.coreText(args[0], core, snap)
	}
	return cmd
}

// readCore reads a core, nil if the file is nothing like one.
func readCore(name string) (*corefile.Core, error) {
	f, err := os.Open(name)
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

// postmortemView is how the texts of a postmortem look.
func (c command) postmortemView(x *model.Index) *render.View {
	width, terminal := terminalWidth(c.stdout)
	return render.NewView(x, &render.Options{
		ASCII: !utf8Locale(os.Getenv), Width: width, Color: terminal && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb",
	})
}

// snapshotReport is what postmortem --json says of a dump or a recording.
type snapshotReport struct {
	Schema   string          `json:"schema"`
	What     string          `json:"what"`
	Samples  model.Opt[int]  `json:"samples,omitzero"`
	First    time.Time       `json:"first,omitzero"`
	Last     time.Time       `json:"last,omitzero"`
	Taken    time.Time       `json:"taken"`
	Host     model.Host      `json:"host"`
	Findings []model.Finding `json:"findings"`
	Waits    []model.Wait    `json:"waits"`
}

// postmortemSnapshot says what was wrong at the moment of a dump or recording.
func (c command) postmortemSnapshot(name string, json bool) error {
	s, err := c.openFrom(name)
	if err != nil {
		return err
	}
	defer s.close()
	snap, err := s.snapshot(c.stderr)
	if err != nil {
		return err
	}
	r := &snapshotReport{Schema: model.Schema, What: "dump", Taken: snap.Taken, Host: snap.Host, Findings: snap.Findings, Waits: snap.Waits}
	about := fmt.Sprintf("%s is a dump of %s", s.name, snap.Host.Hostname)
	if s.rec != nil {
		n := s.rec.Len()
		r.What, r.Samples, r.First, r.Last = "recording", model.Some(n), s.rec.Time(0), s.rec.Time(n-1)
		about = fmt.Sprintf("%s is a recording of %s: %d samples from %s to %s", s.name, snap.Host.Hostname, n, s.when(0), s.when(n-1))
	}
	if json {
		_, err := c.stdout.Write(append(model.AppendJSON(nil, r), '\n'))
		return err
	}
	x := model.NewIndex(snap)
	v := c.postmortemView(x)
	fmt.Fprintf(c.stdout, "%s\nat %s: %d processes, %d objects, ", render.Escape(about), snap.Taken.Local().Format(time.DateTime),
		len(snap.Processes), len(snap.Objects))
	if snap.Findings == nil {
		fmt.Fprintln(c.stdout, "made without findings")
	} else {
		fmt.Fprintf(c.stdout, "%d findings\n\n", len(snap.Findings))
		if len(snap.Findings) > 0 {
			if err := render.Check(c.stdout, v, snap.Findings); err != nil {
				return err
			}
			fmt.Fprintln(c.stdout)
		}
	}
	return render.WhyAll(c.stdout, v, graph.New(x))
}

// coreProcess finds the process of a core in a snapshot, by its pid here or in its own
// namespace. A process that had the pid before or after has another name.
func coreProcess(core *corefile.Core, snap *model.Snapshot) *model.Process {
	var inner *model.Process
	for i := range snap.Processes {
		p := &snap.Processes[i]
		if p.Comm != core.Process.Comm {
			continue
		}
		if p.PID == core.Process.PID && len(p.NSPIDs) == 0 {
			return p
		}
		if n := len(p.NSPIDs); n > 0 && p.NSPIDs[n-1] == core.Process.PID {
			if inner != nil {
				return nil // it could be either
			}
			inner = p
		}
	}
	return inner
}

// linksOf are the channels of a process.
func linksOf(p *model.Process, snap *model.Snapshot) []model.Link {
	links := []model.Link{}
	for _, l := range snap.Links {
		if hasPID(l.From, p.PID) || hasPID(l.To, p.PID) {
			links = append(links, l)
		}
	}
	return links
}

func hasPID(list []int, pid int) bool {
	for _, p := range list {
		if p == pid {
			return true
		}
	}
	return false
}

// coreReport is what postmortem --json says of a core.
type coreReport struct {
	Schema string         `json:"schema"`
	What   string         `json:"what"`
	Core   *corefile.Core `json:"core"`
	With   *coreWith      `json:"with,omitzero"`
}

// coreWith is what a snapshot of the same time adds.
type coreWith struct {
	Taken    time.Time       `json:"taken"`
	Process  *model.Process  `json:"process,omitzero"`
	Links    []model.Link    `json:"links"`
	Waits    []model.Wait    `json:"waits"`
	Findings []model.Finding `json:"findings"`
}

func (c command) coreJSON(core *corefile.Core, snap *model.Snapshot) error {
	r := &coreReport{Schema: model.Schema, What: "core", Core: core}
	if snap != nil {
		w := &coreWith{Taken: snap.Taken, Process: coreProcess(core, snap), Links: []model.Link{}, Waits: []model.Wait{}, Findings: []model.Finding{}}
		if w.Process != nil {
			w.Links = linksOf(w.Process, snap)
			for i := range snap.Waits {
				if snap.Waits[i].PID == w.Process.PID {
					w.Waits = append(w.Waits, snap.Waits[i])
				}
			}
			for i := range snap.Findings {
				if hasPID(snap.Findings[i].PIDs, w.Process.PID) {
					w.Findings = append(w.Findings, snap.Findings[i])
				}
			}
		}
		r.With = w
	}
	_, err := c.stdout.Write(append(model.AppendJSON(nil, r), '\n'))
	return err
}

func (c command) coreText(name string, core *corefile.Core, snap *model.Snapshot) error {
	var sender *model.Process
	if snap != nil && core.Signal != nil {
		if pid, ok := core.Signal.Sender.Get(); ok {
			for i := range snap.Processes {
				if snap.Processes[i].PID == pid {
					sender = &snap.Processes[i]
				}
			}
		}
	}
	if _, err := c.stdout.Write(coreText(name, core, sender)); err != nil || snap == nil {
		return err
	}
	when := snap.Taken.Local().Format(time.DateTime)
	p := coreProcess(core, snap)
	if p == nil {
		return &exitError{exitNotFound, fmt.Errorf("at %s there was no process %s(%d), or it could not be told which", when,
			render.Escape(core.Process.Comm), core.Process.PID)}
	}
	fmt.Fprintf(c.stdout, "\nat %s:\n", when)
	x := model.NewIndex(snap)
	v := c.postmortemView(x)
	for _, l := range linksOf(p, snap) {
		fmt.Fprintf(c.stdout, " %s\n", linkText(&l))
	}
	fmt.Fprintln(c.stdout)
	return render.Why(c.stdout, v, graph.New(x), []query.Match{{Process: p}})
}
