package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ipctop/ipctop/diagnose"
	"github.com/ipctop/ipctop/diagnose/graph"
	"github.com/ipctop/ipctop/fleet"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/privilege"
	"github.com/ipctop/ipctop/query"
	"github.com/ipctop/ipctop/render"
)

// expandFrom replaces each directory named by --from by the files in it.
func expandFrom(from []string) ([]string, error) {
	var list []string
	for _, name := range from {
		if name == "" {
			continue
		}
		dir, moment := name, ""
		if at := strings.LastIndexByte(name, '@'); at > 0 && !existsForUser(name) {
			dir, moment = name[:at], name[at:]
		}
		files, isDir, err := filesIn(dir)
		switch {
		case err != nil:
			return nil, err
		case !isDir:
			list = append(list, name)
			continue
		case len(files) == 0:
			return nil, fmt.Errorf("%s: there is no file in this directory", dir)
		}
		for _, f := range files {
			list = append(list, f+moment)
		}
	}
	return list, nil
}

// filesIn lists the regular files and symbolic links of a directory that are not hidden.
func filesIn(dir string) (files []string, isDir bool, err error) {
	var entries []os.DirEntry
	err = privilege.AsUser(func() error {
		info, err := os.Stat(dir)
		if err != nil || !info.IsDir() {
			return nil // reported when it is opened as a file
		}
		isDir = true
		entries, err = os.ReadDir(dir)
		return err
	})
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && (e.Type().IsRegular() || e.Type()&os.ModeSymlink != 0) {
			files = append(files, filepath.Join(dir, e.Name()))
		}
	}
	return files, isDir, err
}

// readAllFrom reads the snapshot that --from names: of one host, or merged from several.
func (c command) readAllFrom(o *options) (*model.Snapshot, error) {
	names, err := expandFrom(o.from)
	switch {
	case err != nil:
		return nil, err
	case len(names) > 1:
		return c.readHosts(o, names)
	}
	return c.readFrom(o, names[0])
}

// readHosts reads several files and merges them into one snapshot.
func (c command) readHosts(o *options, names []string) (*model.Snapshot, error) {
	sources, err := c.openHosts(o, names, len(names) > len(o.from))
	if err != nil {
		return nil, err
	}
	defer closeAll(sources)
	if len(sources) == 1 {
		return sources[0].snapshot(c.stderr)
	}
	members, err := membersAt(sources, c.stderr)
	if err != nil {
		return nil, err
	}
	snap, graph, err := mergeHosts(members)
	if err != nil {
		return nil, err
	}
	o.graph = graph
	c.sayHosts(snap, members)
	return snap, nil
}

// mergeHosts merges the snapshots of several hosts into one, and diagnoses it.
func mergeHosts(members []fleet.Member) (*model.Snapshot, *graph.Graph, error) {
	snap, err := fleet.Merge(members)
	if err != nil {
		return nil, nil, usageError("%w", err)
	}
	return snap, diagnose.RunHosts(snap, diagnose.Defaults()), nil
}

// openHosts opens several files, which share the memory limit for reading. Files from a
// directory that are neither dump nor recording are skipped.
func (c command) openHosts(o *options, names []string, inDir bool) ([]*source, error) {
	share := *o
	share.maxMemory = max(o.maxMemory/byteSize(len(names)), 1)
	var sources []*source
	for _, name := range names {
		s, err := c.openFrom(&share, name)
		switch {
		case inDir && errors.Is(err, model.ErrNotDump):
			fmt.Fprintf(c.stderr, "ipctop: %s is no dump and no recording: left out\n", query.Quote(name))
			continue
		case errors.Is(err, model.ErrMemory):
			err = fmt.Errorf("%w; each of %d files may take %v", err, len(names), &share.maxMemory)
		}
		if err != nil {
			closeAll(sources)
			return nil, err
		}
		sources = append(sources, s)
	}
	if len(sources) == 0 {
		return nil, fmt.Errorf("%s: there is no dump and no recording", strings.Join(names, ", "))
	}
	return sources, nil
}

func closeAll(sources []*source) {
	for _, s := range sources {
		s.close()
	}
}

// membersAt reads one snapshot of each source. Of recordings without @TIME it takes the
// sample nearest to the latest time that all of them cover.
func membersAt(sources []*source, stderr io.Writer) ([]fleet.Member, error) {
	var common time.Time
	for _, s := range sources {
		var last time.Time
		switch {
		case s.dump != nil:
			last = s.dump.Taken
		case s.rec.Len() == 0:
			return nil, fmt.Errorf("%s: there is no sample in this recording", s.name)
		case s.time != "":
			i, _ := s.moment.In(s.rec)
			last = s.rec.Time(max(i, 0))
		default:
			last = s.rec.Time(s.rec.Len() - 1)
		}
		if common.IsZero() || last.Before(common) {
			common = last
		}
	}
	var list []fleet.Member
	for _, s := range sources {
		var snap *model.Snapshot
		var err error
		if s.rec != nil && s.time == "" {
			snap, err = s.load(fleet.Nearest(s.rec, common))
		} else {
			snap, err = s.snapshot(stderr)
		}
		if err != nil {
			return nil, err
		}
		list = append(list, fleet.Member{Source: s.name, Snapshot: snap})
	}
	return list, nil
}

// sayHosts prints which hosts a snapshot contains, when each was scanned, and how much
// their clocks differ.
func (c command) sayHosts(snap *model.Snapshot, members []fleet.Member) {
	for i := range snap.Hosts {
		h := &snap.Hosts[i]
		fmt.Fprintf(c.stderr, "ipctop: %s: %s, taken %s by its clock%s\n", h.Name, query.Quote(members[i].Source), h.Taken.Local().Format(time.DateTime+".000"), clockWords(h))
	}
	if span := time.Duration(snap.Scan.Duration); span >= longSpan {
		fmt.Fprintf(c.stderr, "ipctop: the hosts were looked at within %s: what began or ended in between does not fit together\n", render.Duration(span))
	}
}

// longSpan is the time between the snapshots of hosts from which on it is mentioned.
const longSpan = 10 * time.Second

// clockWords says how far a host's clock is ahead of the first host's, beginning with a comma.
func clockWords(h *model.HostSnapshot) string {
	c := h.Clock
	if c == nil {
		return ""
	}
	low, okLow := c.AheadMin.Get()
	high, okHigh := c.AheadMax.Get()
	var text string
	switch {
	case okLow && okHigh:
		middle, half := time.Duration(low+(high-low)/2), time.Duration((high-low)/2).Round(time.Millisecond)
		text = fmt.Sprintf("which is %s, ±%v", ahead(middle, c.Against), half)
	case okLow:
		text = "which is at least " + ahead(time.Duration(low), c.Against)
	default:
		text = "which is at most " + ahead(time.Duration(high), c.Against)
	}
	return ", " + text + " (" + cmp.Or(map[bool]string{true: "1 connection tells"}[c.Connections == 1], fmt.Sprintf("%d connections tell", c.Connections)) + ")"
}

func ahead(d time.Duration, of string) string {
	if d < 0 {
		return (-d).Round(time.Millisecond).String() + " behind " + of + "'s"
	}
	return d.Round(time.Millisecond).String() + " ahead of " + of + "'s"
}
