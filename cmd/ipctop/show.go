package main

import (
	"errors"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/query"
	"github.com/ipctop/ipctop/render"
)

// refHelp says what REF may be.
const refHelp = `REF may be any of these:
  4121                  a pid or thread id
  postgres              the name of a process, unit or container
  pipe:4242             an id, as ipctop prints it
  pipe:[4242]           a link in /proc/PID/fd; also socket:[17]
  /proc/4121/fd/3       a descriptor of a process
  /run/x.sock           a path, also of a program
  /jobs                 a POSIX queue, semaphore or shared memory
  @name                 an abstract UNIX socket
  :5432                 a port; also 127.0.0.1:5432
  0x4d2                 a System V key
  7@web                 pid 7 inside the container web; also nginx@web
KIND: in front restricts it to one kind: tcp::5432.`

func (c command) newShow(o *options) *cobra.Command {
	var all, types bool
	cmd := &cobra.Command{
		Use:   "show REF...",
		Short: "show all about processes or objects",
		Long: "Shows everything known about processes or objects: what they are, who holds them, who is at the other end,\n" +
			"who waits. In a recording (--from) it also finds what is gone: the last sample that had it is shown.\n" +
			"It also reads what is too expensive to read for the whole machine: how much of shared memory each\n" +
			"process has resident (rss), and the robust locks that its threads hold.\n\n" + refHelp,
		Example: "  ipctop show 4121\n" +
			"  ipctop show pipe:[4242] /run/x.sock\n" +
			"  ipctop show --from dump.json postgres\n" +
			"  ipctop show -o json :5432\n" +
			"  ipctop show 0x4d2 --types",
		ValidArgsFunction: c.completeRefs(o),
	}
	format := addFormat(cmd, "text", "json")
	o.addHistory(cmd.Flags())
	cmd.Flags().BoolVarP(&all, "all", "a", false, "show all that REF could mean instead of asking which")
	cmd.Flags().BoolVar(&types, "types", false, "count the messages of each type in System V message queues; no message is removed, and contents are not kept")
	cmd.RunE = func(cmd *cobra.Command, refs []string) error {
		if types && o.reads() {
			return usageError("--types reads a queue of the running machine: it cannot be combined with --from")
		}
		if len(refs) == 0 {
			return usageError("say what to show: a pid, a name, an id, a path, a port (see ipctop show --help)")
		}
		detailed := *o
		detailed.types = types
		detailed.detail = func(snap *model.Snapshot) ([]int, []string) {
			matches, err := resolve(snap, refs, all)
			if err != nil {
				return nil, nil // reported below
			}
			return processesOf(matches), objectsOf(matches)
		}
		snap, matches, err := c.lookUp(cmd.Context(), &detailed, refs, all)
		if err != nil {
			return err
		}
		if format.value == "json" {
			return render.ShowJSON(c.stdout, detailed.newIndexOf(snap), matches)
		}
		return render.Show(c.stdout, detailed.newIndexOf(snap), matches, showOptions())
	}
	return cmd
}

// resolve finds what the references name, each thing once.
func resolve(snap *model.Snapshot, refs []string, all bool) ([]query.Match, error) {
	var list []query.Match
	seen := map[query.Match]bool{}
	for _, ref := range refs {
		matches, err := find(snap, absolute(ref), all)
		if err != nil {
			return nil, refError(err)
		}
		for _, m := range matches {
			if !seen[m] {
				seen[m] = true
				list = append(list, m)
			}
		}
	}
	return list, nil
}

// processesOf lists the processes that are shown, and those that have a shown object mapped.
func processesOf(matches []query.Match) []int {
	var pids []int
	for _, m := range matches {
		if m.Process != nil {
			pids = append(pids, m.Process.PID)
			continue
		}
		for i := range m.Object.Holders {
			if h := &m.Object.Holders[i]; h.Extent != nil && h.PID != 0 {
				pids = append(pids, int(h.PID))
			}
		}
	}
	return pids
}

// objectsOf lists the objects that are shown.
func objectsOf(matches []query.Match) []string {
	var ids []string
	for _, m := range matches {
		if m.Object != nil {
			ids = append(ids, m.Object.ID)
		}
	}
	return ids
}

func find(snap *model.Snapshot, ref string, all bool) ([]query.Match, error) {
	if all {
		return query.Find(snap, ref)
	}
	m, err := query.One(snap, ref)
	return []query.Match{m}, err
}

// absolute makes a path that begins with a dot absolute. It returns other references unchanged.
func absolute(ref string) string {
	if strings.HasPrefix(ref, "./") || strings.HasPrefix(ref, "../") {
		if abs, err := filepath.Abs(ref); err == nil {
			return abs
		}
	}
	return ref
}

// refError gives an error of package query its exit status.
func refError(err error) error {
	var notFound *query.NotFoundError
	if errors.As(err, &notFound) {
		return &exitError{exitNotFound, err}
	}
	return &exitError{exitUsage, err}
}
