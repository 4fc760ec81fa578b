package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/prometheus/procfs"

	"github.com/ipctop/ipctop/leak"
	"github.com/ipctop/ipctop/model"
)

// names are the FIFOs and the sockets' paths below some directories, by path.
type names struct {
	found map[string]named
	gaps  []string
}

// named is one of them; the inode tells it from a later one of that path.
type named struct {
	kind model.Kind
	ino  uint64
	uid  int
}

// How much is looked at: a directory tree may have no end, or lie with a server
// that does not answer.
const (
	namesTime    = 2 * time.Second
	namesEntries = 500_000
)

// listNames lists the FIFOs and sockets below directories, without looking into
// other file systems that are mounted there.
func listNames(dirs []string) *names {
	done := make(chan *names, 1)
	ctx, cancel := context.WithTimeout(context.Background(), namesTime)
	defer cancel()
	go func() { done <- walkNames(ctx, dirs) }()
	select {
	case n := <-done:
		return n
	case <-time.After(namesTime + time.Second):
		return &names{gaps: []string{"the directories did not answer in time: FIFOs and socket paths were not looked for"}}
	}
}

var errEnough = errors.New("enough")

func walkNames(ctx context.Context, dirs []string) *names {
	n := &names{found: map[string]named{}}
	mounted := map[string]bool{}
	if mounts, err := procfs.GetMounts(); err == nil {
		for _, m := range mounts {
			mounted[m.MountPoint] = true
		}
	}
	entries := 0
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			entries++
			switch {
			case ctx.Err() != nil || entries > namesEntries:
				return errEnough
			case err != nil:
				return nil // not permitted, or gone
			case d.IsDir() && path != dir && mounted[path]:
				return filepath.SkipDir
			}
			n.add(path, d)
			return nil
		})
		if errors.Is(err, errEnough) {
			n.gaps = append(n.gaps, fmt.Sprintf("%s is too large: not all of it was looked at for FIFOs and socket paths", dir))
			break
		}
	}
	return n
}

func (n *names) add(path string, d fs.DirEntry) {
	var kind model.Kind
	switch d.Type() {
	case fs.ModeNamedPipe:
		kind = model.FIFO
	case fs.ModeSocket:
		kind = model.Unix
	default:
		return
	}
	info, err := d.Info()
	if err != nil {
		return
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		n.found[path] = named{kind, st.Ino, int(st.Uid)}
	}
}

// namesDirs are the directories in which a command leaves such names.
func namesDirs() []string {
	var dirs []string
	for _, dir := range []string{".", os.TempDir(), "/tmp"} {
		dir, err := filepath.Abs(dir)
		if err != nil {
			continue
		}
		if real, err := filepath.EvalSymlinks(dir); err == nil {
			dir = real
		}
		if !below(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// below reports whether a directory is one of some or inside one.
func below(dirs []string, dir string) bool {
	for _, d := range dirs {
		if rel, err := filepath.Rel(d, dir); err == nil && filepath.IsLocal(rel) {
			return true
		}
	}
	return false
}

// newNames are the names that appeared.
func newNames(before, after *names, c *leak.Command) []leak.Thing {
	var list []leak.Thing
	for path, n := range after.found {
		if old, ok := before.found[path]; ok && old.ino == n.ino {
			continue
		}
		t := leak.Thing{
			Kind: n.kind, Name: path, Remove: []string{"rm", "--", path},
			Confidence: model.Likely, Why: "it appeared while the command ran, under the same user",
		}
		switch {
		case c.Held[path]:
			t.Confidence, t.Why = model.Certain, "a descendant of the command had it open"
		case n.uid != c.UID:
			t.Confidence, t.Why = model.Possible, fmt.Sprintf("it appeared while the command ran, but belongs to user %d", n.uid)
		}
		list = append(list, t)
	}
	return list
}
