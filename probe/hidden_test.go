package probe

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/proc"
)

// hiddenEnv makes the test binary scan in a pid namespace of its own.
const hiddenEnv = "PROBE_TEST_HIDDEN"

func init() {
	if os.Getenv(hiddenEnv) == "" {
		return
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(hiddenScan())
	os.Exit(0)
}

// hiddenScan says as JSON which gaps say that processes are hidden, and whether
// the holders of a pipe are complete.
func hiddenScan() string {
	space := &KeySpace{Name: "pipe", New: func(k Key, _ *Scan) model.Object {
		return model.Object{ID: fmt.Sprint("pipe:", k.Num), Kind: model.Pipe, Detail: new(model.PipeDetail)}
	}}
	s, err := NewScanner(Options{Probes: []Probe{{Name: "pipe", Process: func(p *Proc, out *Collector) {
		out.AddHolder(Key{Space: space, Num: 1}, model.Holder{PID: p.PID(), Via: model.ViaFD})
	}}}}).Scan(context.Background())
	if err != nil {
		return err.Error()
	}
	gaps := 0
	for _, g := range s.Gaps {
		if g.Op == "list" {
			gaps++
		}
	}
	b, _ := json.Marshal([]any{gaps, slices.ContainsFunc(s.Objects, func(o *model.Object) bool { return o.HoldersComplete })})
	return string(b)
}

// If some processes of the machine cannot be seen, lists of holders are not complete.
func TestLiveHiddenByNamespace(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("making a pid namespace needs CAP_SYS_ADMIN")
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), hiddenEnv+"=1", "GORACE=atexit_sleep_ms=0")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Skipf("%v: %s", err, out)
	}
	if string(out) != "[1,false]\n" {
		t.Errorf("[gaps, complete] = %s, want [1,false]", out)
	}
}

// A proc file system with hidepid does not even show process 1.
func TestHiddenByMount(t *testing.T) {
	for _, tt := range []struct {
		pids   []int
		hidden bool
	}{{[]int{1, 2, 77}, false}, {[]int{77}, true}} {
		root, err := proc.OpenDir(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		s := &Scan{root: root, Own: map[string]uint64{}}
		s.noteHidden(tt.pids)
		root.Close()
		if s.hidden != tt.hidden || (len(s.results) > 0) != tt.hidden {
			t.Errorf("%v: hidden %v, %d gaps", tt.pids, s.hidden, len(s.results))
		}
	}
}
