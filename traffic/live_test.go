package traffic

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf"

	"github.com/ipctop/ipctop/bpf"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/testfixtures"
)

// countEnv makes the test binary a process that counts until it is killed.
const countEnv = "IPCTOP_TEST_COUNT"

// functionsEnv says that this kernel can run eBPF programs when kernel functions return.
const functionsEnv = "IPCTOP_TEST_FUNCTIONS"

func TestMain(m *testing.M) {
	testfixtures.RunRole()
	if os.Getenv(countEnv) != "" {
		_, err := Start()
		fmt.Println("started", err)
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func start(t *testing.T) *Meter {
	t.Helper()
	m, err := Start()
	if errors.As(err, new(*bpf.UnavailableError)) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

// TestCountsAgree compares the counts between two samples with those of both ends of each
// channel: blocking and non-blocking, vectored, spliced, by io_uring, and all others.
func TestCountsAgree(t *testing.T) {
	m := start(t)
	if os.Getenv(functionsEnv) != "" && !m.counter.Functions {
		t.Errorf("calls are not counted at the functions that carry data: %v", bpf.TryFunctions())
	}
	data, err := testfixtures.StartTraffic(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := data.Close(); err != nil {
			t.Error(err)
		}
	})
	send := func(amount int64) {
		for _, c := range data.Channels {
			n := amount
			if c.Name == "eventfd" || c.Name == "sysv-sem" {
				n /= 50 // operations go one at a time
			}
			if err := c.Send(context.Background(), n, 300); err != nil {
				t.Fatal(err)
			}
		}
	}
	send(1000)
	if _, err := m.Sample(); err != nil {
		t.Fatal(err)
	}
	before := map[int]testfixtures.End{}
	for _, c := range data.Channels {
		before[c.Sender.PID], before[c.Receiver.PID] = c.Sender, c.Receiver
	}
	send(50_000)
	s, err := m.Sample()
	if err != nil {
		t.Fatal(err)
	}
	snap := snapshotOf(data)
	s.AddTo(snap)
	found := map[string]*model.Traffic{}
	for i := range snap.Traffic {
		found[snap.Traffic[i].Object] = &snap.Traffic[i]
	}
	for _, c := range data.Channels {
		if c.Name == "shared-memory" {
			continue // no system call shows these
		}
		if c.Name == "pipe:io_uring" && !m.counter.Requests {
			t.Log("this kernel does not tell what io_uring carries")
			continue
		}
		for i, e := range []testfixtures.End{c.Sender, c.Receiver} {
			want := [2]testfixtures.Count{minus(e.Sent, before[e.PID].Sent), minus(e.Received, before[e.PID].Received)}
			if c.Name == "sysv-sem" { // each operation counts, whatever it does
				want = [2]testfixtures.Count{{Calls: want[0].Calls + want[1].Calls}}
			}
			object := c.Objects[min(i, len(c.Objects)-1)]
			if got := countOf(found[object], e.PID); got != want {
				t.Errorf("%s: process %d at %s: counted %v, it says %v", c.Name, e.PID, object, got, want)
			}
		}
		if tr := found[c.Objects[0]]; c.Name != "sysv-sem" && (tr == nil || len(tr.Pairs) != 1 || tr.Pairs[0].From != c.Sender.PID || tr.Pairs[0].To != c.Receiver.PID) {
			t.Errorf("%s: not from %d to %d: %+v", c.Name, c.Sender.PID, c.Receiver.PID, tr)
		}
	}
	if r := snap.Scan.Rates; r == nil || r.Source != model.RatesCounted || r.Duration <= 0 || r.Lost != 0 {
		t.Errorf("report %+v", r)
	}
}

func minus(a, b testfixtures.Count) testfixtures.Count {
	return testfixtures.Count{Bytes: a.Bytes - b.Bytes, Calls: a.Calls - b.Calls}
}

// countOf is what a process sent and received.
func countOf(t *model.Traffic, pid int) (n [2]testfixtures.Count) {
	if t == nil {
		return n
	}
	for i := range t.Processes {
		p := &t.Processes[i]
		if p.PID != pid {
			continue
		}
		for i, f := range []*model.Flow{p.Sent, p.Received} {
			if f != nil {
				n[i].Bytes += f.Bytes.Or(0)
				n[i].Calls += f.Calls.Or(0)
			}
		}
	}
	return n
}

// snapshotOf has only the objects of some channels.
func snapshotOf(data *testfixtures.Traffic) *model.Snapshot {
	snap := &model.Snapshot{}
	for _, c := range data.Channels {
		for i, id := range c.Objects {
			kind, rest, _ := strings.Cut(id, ":")
			o := &model.Object{ID: id, Kind: model.Kind(kind)}
			if o.Kind.IsSocket() {
				ino, _ := strconv.ParseUint(rest, 10, 64)
				o.Ino, o.Peers = model.Big(ino), []model.Peer{{ID: c.Objects[1-i]}}
			}
			snap.Objects = append(snap.Objects, o)
		}
	}
	var st [1]uint64
	if link, err := os.Readlink("/proc/self/ns/ipc"); err == nil {
		_, _ = fmt.Sscanf(link, "ipc:[%d]", &st[0])
	}
	snap.Host.Namespaces = map[string]uint64{"ipc": st[0]}
	return snap
}

// TestKilledCounterLeavesNothing kills a process that counts: the kernel removes its programs.
func TestKilledCounterLeavesNothing(t *testing.T) {
	start(t).Close() // or skips the test
	before := programs(t)
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), countEnv+"=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var line [64]byte
	n, err := out.Read(line[:])
	if said := string(line[:n]); err != nil || said != "started <nil>\n" {
		t.Fatalf("it says %q, %v", said, err)
	}
	during := programs(t)
	mine := map[ebpf.ProgramID]bool{}
	for id := range during {
		if !before[id] {
			mine[id] = true
		}
	}
	if len(mine) == 0 {
		t.Error("no program was loaded")
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	for deadline := time.Now().Add(30 * time.Second); len(mine) > 0; time.Sleep(5 * time.Millisecond) {
		there := programs(t)
		for id := range mine {
			if !there[id] {
				delete(mine, id)
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("programs %v are left", mine)
		}
	}
}

// programs are the ids of the programs that count.
func programs(t *testing.T) map[ebpf.ProgramID]bool {
	t.Helper()
	ids := map[ebpf.ProgramID]bool{}
	for id := ebpf.ProgramID(0); ; {
		next, err := ebpf.ProgramGetNextID(id)
		if err != nil {
			return ids
		}
		id = next
		p, err := ebpf.NewProgramFromID(id)
		if err != nil {
			continue
		}
		if info, err := p.Info(); err == nil && (info.Name == "call_returned" || strings.HasPrefix(info.Name, "counts_")) {
			ids[id] = true
		}
		p.Close()
	}
}
