//go:build linux

package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ipctop/ipctop/bpf"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

// stoppedClock is a source that reports that no thread of a process has run since the first call.
type stoppedClock struct {
	probe.Source
	pid     int
	content bool // whether it reports that the process has other descriptors or mappings

	mu  sync.Mutex
	was map[int]bpf.Task
}

func (c *stoppedClock) Tasks(parts bpf.TaskParts, f func(*bpf.Task)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.Source.Tasks(parts, func(t *bpf.Task) {
		if t.PID != c.pid {
			f(t)
			return
		}
		was, ok := c.was[t.TID]
		if !ok {
			was = *t
			was.Record, was.NSPIDs = slices.Clone(t.Record), slices.Clone(t.NSPIDs)
			c.was[t.TID] = was
		}
		f(&was)
	})
}

func (c *stoppedClock) Contents(f func(bpf.Content)) error {
	return c.Source.Contents(func(now bpf.Content) {
		if now.PID == c.pid && !c.content {
			now.Held = 1
		}
		f(now)
	})
}

// held is what a snapshot shows of the objects that the process holds. Its waits are left out:
// according to the proc file system it has run.
func held(h *interactive, snap *model.Snapshot) []string {
	return slices.DeleteFunc(h.view(snap), func(line string) bool { return strings.HasPrefix(line, "{") })
}

// What a process holds is read again when the kernel reports a change, even though none of
// its threads seems to have run.
func TestScanAgainContent(t *testing.T) {
	skipIfLate(t)
	sourceOrSkip(t)
	for _, told := range []bool{true, false} {
		h := startInteractive(t)
		h.settle()
		source, err := openSource()
		if err != nil {
			t.Fatal(err)
		}
		clock := &stoppedClock{Source: source, pid: h.pid, content: told, was: map[int]bpf.Task{}}
		again := probe.NewScanner(probe.Options{
			Probes: probes(), Repeated: true, Check: time.Hour, Source: func() (probe.Source, error) { return clock, nil },
		})
		defer again.Close()
		for range 3 {
			scanWith(t, again)
		}
		if !again.Cached(h.pid) {
			t.Fatal("it is read in each scan")
		}
		for _, step := range []string{"pipe", "pipe", "close", "map"} {
			before := held(h, scanWith(t, again))
			h.do(step)
			h.settle()
			fresh := held(h, scanWith(t, probe.NewScanner(probe.Options{Probes: probes()})))
			if slices.Equal(fresh, before) {
				t.Fatalf("%s changed nothing", step)
			}
			got := held(h, scanWith(t, again))
			if told && !slices.Equal(got, fresh) {
				t.Errorf("%s:\n%s\nwant\n%s", step, strings.Join(got, "\n"), strings.Join(fresh, "\n"))
			}
			if !told {
				if slices.Equal(got, fresh) {
					t.Errorf("%s is seen, though nobody told", step)
				}
				break
			}
		}
	}
}

// A process that has run and has the same descriptors still shares what it shared, unless it has
// opened a file again under the same number.
func TestScanAgainReopened(t *testing.T) {
	skipIfLate(t)
	sourceOrSkip(t)
	h := startInteractive(t)
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	again := probe.NewScanner(probe.Options{Probes: probes(), Repeated: true, Check: time.Hour, Source: openSource})
	defer again.Close()
	shared := func() int {
		h.settle()
		n := 0
		for _, o := range scanWith(t, again).Objects {
			if o.Path != path {
				continue
			}
			for i := range o.Holders {
				if !o.Holders[i].OFD.IsZero() {
					n++
				}
			}
		}
		return n
	}
	// For a file that few processes have, each scan determines who shares it; for a file
	// that many have, the result is cached.
	const few, many = 1, 10
	for _, step := range []struct {
		do     string
		times  int
		shared int
	}{
		{"reopen " + path, 1, 0},
		{"fork", few, few + 1},
		{"nothing", 1, few + 1},
		{"reopen " + path, 1, 0},
		{"nothing", 1, 0},
		{"fork", many, many + 1},
		{"nothing", 1, many + 1},
		{"nothing", 1, many + 1},
		{"reopen " + path, 1, many},
		{"nothing", 1, many},
	} {
		for range step.times {
			h.do(step.do)
		}
		if n := shared(); n != step.shared {
			t.Errorf("after %s %d of those who have the file share it, not %d", step.do, n, step.shared)
		}
	}
}
