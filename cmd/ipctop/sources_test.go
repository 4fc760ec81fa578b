//go:build linux

package main

import (
	"errors"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/bpf"
	"github.com/ipctop/ipctop/diagnose"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/testfixtures"
)

// sourceOrSkip opens the eBPF source; without one it skips the test and says why.
func sourceOrSkip(t *testing.T) {
	t.Helper()
	_, err := openSource()
	if unavailable := new(bpf.UnavailableError); errors.As(err, &unavailable) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// The eBPF source reports about all fixtures the same as the proc file system, field by
// field, both in a single scan and in repeated ones.
func TestSourcesAgree(t *testing.T) {
	skipIfLate(t)
	sourceOrSkip(t)
	var names []string
	for _, f := range testfixtures.All() {
		names = append(names, f.Name)
	}
	fixtures, err := testfixtures.Start(t.Context(), names...)
	if err != nil {
		t.Skip(err)
	}
	defer fixtures.Close()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	options := probe.Options{Probes: probes(), Helper: exe}
	proc := scanWith(t, probe.NewScanner(options))
	options.Source, options.SourceUse = openSource, probe.SourceAlways
	once := scanWith(t, probe.NewScanner(options))
	if how := once.Scan.Backends["descriptors"]; how != "eBPF" {
		t.Errorf("the descriptors are from %q", how)
	}
	onlyBoth(once, proc)
	sameFixtures(t, fixtures, once, proc)

	options.Repeated = true
	repeated := probe.NewScanner(options)
	defer repeated.Close()
	var again *model.Snapshot
	for range 3 {
		again = scanWith(t, repeated)
	}
	options = probe.Options{Probes: probes(), Helper: exe}
	proc = scanWith(t, probe.NewScanner(options))
	onlyBoth(again, proc)
	sameFixtures(t, fixtures, again, proc)
}

// onlyBoth removes what this kernel's proc file system does not show: how many ends of a pipe
// are open, and, before Linux 6.5, whether an eventfd is a semaphore.
func onlyBoth(snap, proc *model.Snapshot) {
	unknown := map[string]bool{}
	for _, o := range proc.Objects {
		d, ok := o.Detail.(*model.EventfdDetail)
		unknown[o.ID] = ok && !d.Semaphore.Known()
	}
	for _, o := range snap.Objects {
		if d, ok := o.Detail.(*model.EventfdDetail); ok && unknown[o.ID] {
			d.Semaphore = model.Opt[bool]{}
		}
		if d, ok := o.Detail.(*model.PipeDetail); ok {
			d.Readers, d.Writers = model.Opt[int64]{}, model.Opt[int64]{}
		}
	}
}

// --source procfs never opens the eBPF source, and --source bpf says why there is none.
func TestSourceFlag(t *testing.T) {
	for _, flag := range []string{"auto", "procfs"} {
		if status, _, stderr := run(t, "", "dump", "-o", "id", "--source", flag); status != 0 && status != 4 {
			t.Errorf("--source %s: status %d: %s", flag, status, stderr)
		}
	}
	if status, _, stderr := run(t, "", "dump", "--source", "ebpf"); status != 2 || !strings.Contains(stderr, "auto, procfs, bpf") {
		t.Errorf("--source ebpf: status %d: %s", status, stderr)
	}
	_, err := openSource()
	status, _, stderr := run(t, "", "dump", "-o", "id", "--source", "bpf")
	switch {
	case err == nil && status != 0 && status != 4:
		t.Errorf("--source bpf: status %d: %s", status, stderr)
	case err != nil && (status != 1 || !strings.Contains(stderr, err.Error())):
		t.Errorf("--source bpf: status %d, want 1 and %q: %s", status, err, stderr)
	}
}

// TestEndsOfPipes: eBPF shows the kernel's own count of a pipe's ends, in a single scan and in repeated
// ones. So it is known whether an invisible process can read: here a read end is in the queue of a socket.
func TestEndsOfPipes(t *testing.T) {
	sourceOrSkip(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(r.Fd()), &st); err != nil {
		t.Fatal(err)
	}
	id := "pipe:" + strconv.FormatUint(st.Ino, 10)
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pair[0])
	if err := unix.Sendmsg(pair[0], []byte("x"), unix.UnixRights(int(r.Fd())), nil, 0); err != nil {
		t.Fatal(err)
	}
	writer := exec.Command("sleep", "300")
	writer.Stdout = w
	if err := writer.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = writer.Process.Kill(); _ = writer.Wait() })
	r.Close()
	w.Close()
	options := probe.Options{Probes: probes(), Source: openSource, SourceUse: probe.SourceAlways}
	once := probe.NewScanner(options)
	options.Repeated = true
	repeated := probe.NewScanner(options)
	defer repeated.Close()
	expect := func(readers int64, finding bool) {
		t.Helper()
		for range 3 {
			for what, scanner := range map[string]*probe.Scanner{"one scan": once, "one of many": repeated} {
				snap := scanWith(t, scanner)
				diagnose.Run(snap, diagnose.Options{})
				o := the(t, snap, model.Pipe, id, func(o *model.Object) bool { return o.ID == id })
				if d := o.Detail.(*model.PipeDetail); d.Readers != model.Some(readers) || d.Writers != model.Some[int64](1) {
					t.Errorf("%s: %v readers, %v writers, want %d and 1", what, d.Readers, d.Writers, readers)
				}
				i := slices.IndexFunc(snap.Findings, func(f model.Finding) bool { return slices.Contains(f.Objects, id) })
				if i >= 0 != finding || finding && snap.Findings[i].Confidence != model.Certain {
					t.Errorf("%s, %d readers: finding %d of %+v", what, readers, i, snap.Findings)
				}
			}
		}
	}
	expect(1, false)
	unix.Close(pair[1])
	expect(0, true)
}
