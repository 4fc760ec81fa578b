package probe_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/probe/probetest"
)

// When what is cached of a process is checked, its descriptors are handed to the probes
// only if their links have changed.
func TestCheckByLinks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	cmd := exec.Command("sleep", "1000")
	cmd.Stdin = file
	if err := cmd.Start(); err != nil {
		t.Skip(err)
	}
	pid := cmd.Process.Pid
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	if st, err := os.Stat("/proc/self/fd"); err != nil || st.Size() == 0 {
		t.Skip("the kernel does not tell how many descriptors a process has")
	}
	asked := 0
	scanner := probe.NewScanner(probe.Options{Repeated: true, Check: 1, Workers: 1, Probes: []probe.Probe{{
		Name: "files",
		FD: func(fd *probe.FD, _ *probe.Collector) bool {
			if int(fd.Proc.PID()) == pid {
				asked++
			}
			fd.Cacheable()
			return true
		},
	}}})
	defer scanner.Close()
	scan := func() int {
		t.Helper()
		asked = 0
		for _, g := range probetest.Again(t, scanner).Gaps {
			if g.PID == pid && g.Reason != model.Vanished {
				t.Errorf("gap: %+v", g)
			}
		}
		return asked
	}
	for range 100 {
		if scan() == 0 {
			break
		}
		time.Sleep(10 * time.Millisecond) // the process does not sleep yet
	}
	for _, step := range []struct {
		change func() error
		want   []bool // whether the descriptors are handed on, scan by scan
	}{
		{func() error { return nil }, []bool{false, false}},
		{func() error { return os.Rename(path, path+"2") }, []bool{true, false}},
		{func() error { return os.Remove(path + "2") }, []bool{true, true}}, // another deleted file may have the same link
	} {
		if err := step.change(); err != nil {
			t.Fatal(err)
		}
		for n, want := range step.want {
			got := scan() > 0
			// Nothing is cached while another process of this user does not answer, as in other tests.
			for tries := 0; got && !want && tries < 100; tries++ {
				time.Sleep(50 * time.Millisecond)
				got = scan() > 0
			}
			if got != want {
				t.Errorf("scan %d: handed on: %v, want %v", n, got, want)
			}
		}
	}
}
