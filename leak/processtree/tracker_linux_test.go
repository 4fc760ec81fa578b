package processtree

import (
	"bufio"
	"encoding/binary"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestTracker: an orphan stays in the tree; a child that existed before is not part of it.
func TestTracker(t *testing.T) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		t.Fatal(err)
	}
	earlier := exec.Command("sleep", "60")
	if err := earlier.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = earlier.Process.Kill()
		_ = earlier.Wait()
	}()
	tree := New()
	cmd := exec.Command("sh", "-c", "exec 5<"+os.DevNull+"; sh -c 'sleep 60 >&- & echo $!'")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	tree.Watch(cmd.Process.Pid)
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	orphan, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = unix.Kill(orphan, unix.SIGKILL)
		_, _ = unix.Wait4(orphan, nil, 0, nil)
	}()
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	tree.WaitForEnd(time.Millisecond)
	got := tree.End()
	if !slices.Equal(got.Alive, []int{orphan}) || !got.PIDs[orphan] || !got.PIDs[cmd.Process.Pid] || got.PIDs[earlier.Process.Pid] || !got.Held[os.DevNull] {
		t.Errorf("orphan %d of command %d: %+v", orphan, cmd.Process.Pid, got)
	}
}

func TestParseForkEvent(t *testing.T) {
	event := func(what uint32, pids ...uint32) []byte {
		b := make([]byte, connectorHeader+eventHeader)
		binary.NativeEndian.PutUint32(b[connectorHeader:], what)
		for _, pid := range pids {
			b = binary.NativeEndian.AppendUint32(b, pid)
		}
		return b
	}
	for name, test := range map[string]struct {
		event         []byte
		parent, child int
		ok            bool
	}{
		"a process":      {event(procEventFork, 9, 10, 16, 16), 10, 16, true},
		"the largest":    {event(procEventFork, 255, 256, 1<<22, 1<<22), 256, 1 << 22, true},
		"a thread":       {event(procEventFork, 9, 10, 17, 16), 10, 16, false},
		"an exit":        {event(1<<31, 9, 10, 16, 16), 0, 0, false},
		"cut off":        {event(procEventFork, 9, 10, 16), 0, 0, false},
		"a header alone": {make([]byte, connectorHeader), 0, 0, false},
		"nothing":        {nil, 0, 0, false},
	} {
		parent, child, ok := parseForkEvent(test.event)
		if ok != test.ok || ok && (parent != test.parent || child != test.child) {
			t.Errorf("%s: %d, %d, %v", name, parent, child, ok)
		}
	}
}
