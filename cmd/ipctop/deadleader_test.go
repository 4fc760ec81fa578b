package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

// tellsInodes reports whether files in a directory have the same inode numbers as inside
// the kernel; on overlay and btrfs they have not.
func tellsInodes(t *testing.T, dir string) bool {
	t.Helper()
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		t.Fatal(err)
	}
	return uint32(fs.Type) != unix.OVERLAYFS_SUPER_MAGIC && uint32(fs.Type) != unix.BTRFS_SUPER_MAGIC
}

// TestMainThreadHasEnded: what a process holds is seen, although /proc/PID itself no longer
// shows any of it.
func TestMainThreadHasEnded(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "deadleader")
	if out, err := exec.Command("go", "build", "-o", program, "./testdata/deadleader").CombinedOutput(); err != nil {
		t.Skipf("go: %v\n%s", err, out)
	}
	cmd := exec.Command(program, dir)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); _ = cmd.Wait() })
	pipe := ""
	for lines := bufio.NewScanner(out); lines.Scan() && lines.Text() != "ready"; {
		word, rest, _ := strings.Cut(lines.Text(), " ")
		if word == "error" {
			t.Fatal(rest)
		}
		pipe = "pipe:" + rest
	}
	pid := cmd.Process.Pid
	var snap *model.Snapshot
	var process *model.Process
	for range 100 {
		snap = newScan(t)
		i := slices.IndexFunc(snap.Processes, func(p *model.Process) bool { return p.PID == pid })
		if i >= 0 && snap.Processes[i].State == "Z" {
			process = snap.Processes[i]
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if process == nil {
		t.Fatal("its main thread does not end")
	}
	own := snap.Processes[slices.IndexFunc(snap.Processes, func(p *model.Process) bool { return p.Self })]
	for _, ns := range []string{"net", "ipc", "mnt"} {
		if process.Namespaces[ns] == 0 || process.Namespaces[ns] != own.Namespaces[ns] {
			t.Errorf("%s namespace is %d, ipctop's %d", ns, process.Namespaces[ns], own.Namespaces[ns])
		}
	}
	holds := func(what string, match func(o *model.Object) bool, via model.Via) *model.Object {
		t.Helper()
		for i := range snap.Objects {
			o := snap.Objects[i]
			if match(o) && slices.ContainsFunc(o.Holders, func(h model.Holder) bool { return int(h.PID) == pid && h.Via == via }) {
				return o
			}
		}
		t.Errorf("%s is not held by %d; gaps: %+v", what, pid, snap.Gaps)
		return nil
	}
	if o := holds(pipe, func(o *model.Object) bool { return o.ID == pipe }, model.ViaFD); o != nil {
		if d := o.Detail.(*model.PipeDetail); d.Queued != model.Some[int64](5) {
			t.Errorf("%s: queued %s", pipe, fmt.Sprint(d.Queued))
		}
	}
	at := func(name string) func(o *model.Object) bool {
		return func(o *model.Object) bool { return o.Path == filepath.Join(dir, name) }
	}
	holds("the FIFO", at("fifo"), model.ViaFD)
	holds("the lock", at("locked"), model.ViaLock)
	socket := func(o *model.Object) bool {
		d, ok := o.Detail.(*model.UnixDetail)
		return ok && d.Path == "socket" && o.Holders[0].PID == int32(pid)
	}
	if o := holds("the socket", socket, model.ViaFD); o != nil {
		d := o.Detail.(*model.UnixDetail)
		if tells := tellsInodes(t, dir); tells && (d.PathState != "own" || !slices.Contains(o.Aliases, filepath.Join(dir, "socket"))) {
			t.Errorf("the socket: path_state %q, aliases %q", d.PathState, o.Aliases)
		}
	}
	if o := holds("the memory", func(o *model.Object) bool { return o.Kind == model.ShmAnon }, model.ViaMap); o != nil {
		detailed := scanAll(t, probe.NewScanner(probe.Options{
			Probes: probes(), Detail: func(*model.Snapshot) ([]int, []string) { return []int{pid}, []string{o.ID} },
		}))
		i := slices.IndexFunc(detailed.Objects, func(x *model.Object) bool { return x.ID == o.ID })
		if i < 0 {
			t.Fatal("the memory is gone")
		}
		if h := &detailed.Objects[i].Holders[0]; h.Extent == nil || h.RSS != model.Some(int64(os.Getpagesize())) {
			t.Errorf("the memory: %+v", h.Extent)
		}
	}
}
