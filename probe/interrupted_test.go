package probe_test

import (
	"context"
	"os"
	"os/exec"
	"testing"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/probe/probetest"
	"github.com/ipctop/ipctop/proc"
)

// The objects of a sleeping process are still there if an earlier scan was
// interrupted, or could not read the process.
func TestAfterInterruptedScan(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sleep", "1000")
	cmd.Stdin = r
	if err := cmd.Start(); err != nil {
		t.Skip(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	r.Close()
	defer w.Close()

	space := &probe.KeySpace{Name: "pipes", Incremental: true, New: func(k probe.Key, _ *probe.Scan) model.Object {
		return model.Object{ID: "pipe:" + itoa(int(k.Num)), Kind: model.Pipe, Detail: new(model.PipeDetail)}
	}}
	fail := false
	scanner := probe.NewScanner(probe.Options{Repeated: true, Probes: []probe.Probe{{
		Name: "pipes",
		Process: func(p *probe.Proc, _ *probe.Collector) {
			if fail && int(p.PID()) == cmd.Process.Pid {
				panic("cannot be read")
			}
		},
		FD: func(fd *probe.FD, out *probe.Collector) bool {
			ino, ok := proc.LinkNumber(fd.Link, "pipe:[")
			if ok {
				out.AddHolder(probe.Key{Space: space, Num: ino}, fd.Holder())
				fd.Cacheable()
			}
			return ok
		},
	}}})
	defer scanner.Close()
	held := func(snap *model.Snapshot) (n int) {
		for _, o := range snap.Objects {
			for i := range o.Holders {
				if int(o.Holders[i].PID) == cmd.Process.Pid {
					n++
				}
			}
		}
		return n
	}
	for range 100 {
		if probetest.Again(t, scanner); scanner.Cached(cmd.Process.Pid) {
			break
		}
	}
	want := held(probetest.Again(t, scanner))
	if want == 0 || !scanner.Cached(cmd.Process.Pid) {
		t.Skip("it does not come to rest")
	}
	interrupted, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := scanner.Scan(interrupted); err == nil {
		t.Error("an interrupted scan gave a snapshot")
	}
	if got := held(probetest.Again(t, scanner)); got != want {
		t.Errorf("after an interrupted scan it has %d pipes, before %d", got, want)
	}
	fail = true
	probetest.Again(t, scanner)
	fail = false
	if got := held(probetest.Again(t, scanner)); got != want {
		t.Errorf("after a scan that could not read it, it has %d pipes, before %d", got, want)
	}
}
