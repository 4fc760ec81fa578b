package paths

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/moby/sys/mountinfo"

	"github.com/ipctop/ipctop/leak"
	"github.com/ipctop/ipctop/model"
)

// Listing has the FIFOs and socket paths below some directories, by path.
type Listing struct {
	found map[string]entry

	// Gaps says what was not listed, and why.
	Gaps []string
}

// entry is one of them; the inode distinguishes it from a later one with the same path.
type entry struct {
	kind model.Kind
	ino  uint64
	uid  int
}

// Limits of a listing: a directory tree may be endless, or on a server that does not
// answer.
const (
	listTime    = 2 * time.Second
	listEntries = 500_000
)

// List lists the FIFOs and sockets below directories. It skips other file systems that are
// mounted there.
func List(dirs []string) *Listing {
	done := make(chan *Listing, 1)
	ctx, cancel := context.WithTimeout(context.Background(), listTime)
	defer cancel()
	go func() { done <- walk(ctx, dirs) }()
	select {
	case n := <-done:
		return n
	case <-time.After(listTime + time.Second):
		return &Listing{Gaps: []string{"the directories did not answer in time: FIFOs and socket paths were not looked for"}}
	}
}

var errEnough = errors.New("enough")

func walk(ctx context.Context, dirs []string) *Listing {
	n := &Listing{found: map[string]entry{}}
	mounted := map[string]bool{}
	if mounts, err := mountinfo.GetMounts(nil); err == nil {
		for _, m := range mounts {
			mounted[m.Mountpoint] = true
		}
	}
	entries := 0
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			entries++
			switch {
			case ctx.Err() != nil || entries > listEntries:
				return errEnough
			case err != nil:
				return nil // not permitted, or removed meanwhile
			case d.IsDir() && path != dir && mounted[path]:
				return filepath.SkipDir
			}
			n.add(path, d)
			return nil
		})
		if errors.Is(err, errEnough) {
			n.Gaps = append(n.Gaps, fmt.Sprintf("%s is too large: not all of it was searched for FIFOs and socket paths", dir))
			break
		}
	}
	return n
}

func (n *Listing) add(path string, d fs.DirEntry) {
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
		n.found[path] = entry{kind, st.Ino, int(st.Uid)}
	}
}

// Dirs returns the directories in which commands usually leave such names: the current one
// and those for temporary files.
func Dirs() []string {
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

// below reports whether a directory is one of dirs, or inside one of them.
func below(dirs []string, dir string) bool {
	for _, d := range dirs {
		if rel, err := filepath.Rel(d, dir); err == nil && filepath.IsLocal(rel) {
			return true
		}
	}
	return false
}

// New returns the names that appeared between two listings, with the confidence that the
// command made them.
func New(before, after *Listing, c *leak.Command) []leak.Leak {
	var list []leak.Leak
	for path, n := range after.found {
		if old, ok := before.found[path]; ok && old.ino == n.ino {
			continue
		}
		t := leak.Leak{
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
