package main

import (
	"bufio"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ipctop/ipctop/bpf"
)

// A recording made with --trace says who used to wake a thread that waits now. So does why --trace.
func TestRecordedWakeups(t *testing.T) {
	source, err := bpf.Open()
	if err != nil {
		t.Skip("no eBPF: ", err)
	}
	source.Close()
	cat := exec.Command("cat")
	in, err := cat.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cat.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cat.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); _ = cat.Wait() })
	pid := strconv.Itoa(cat.Process.Pid)
	answers := bufio.NewReader(out)
	wakes := time.NewTicker(20 * time.Millisecond)
	defer wakes.Stop()
	wake := func() {
		<-wakes.C
		fmt.Fprintln(in)
		if _, err := answers.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	ended := make(chan string, 1)
	main := func(args ...string) (end func() string) {
		ctx, cancel := context.WithCancel(t.Context())
		t.Cleanup(cancel)
		var stdout, stderr locked
		go func() {
			status := command{strings.NewReader(""), &stdout, &stderr}.main(ctx, args)
			ended <- fmt.Sprintf("status %d\n%s%s", status, stdout.String(), stderr.String())
		}()
		return func() string { cancel(); return <-ended }
	}
	file := filepath.Join(t.TempDir(), "traced.rec")
	end := main("record", "--trace", "--every", "100ms", file)
	said := ""
	for deadline := time.Now().Add(time.Minute); !strings.Contains(said, "last woken by "); wake() {
		if time.Now().After(deadline) {
			t.Fatalf("the recording says of process %s\n%s\nand record %s", pid, said, end())
		}
		_, said, _ = run(t, "", "why", "--from", file, pid)
	}
	if s := end(); s != "status 0\n" {
		t.Errorf("record: %s", s)
	}
	for _, want := range []string{"last woken by ", "its waits in read last ", "seen)"} {
		if !strings.Contains(said, want) && !strings.Contains(said, "that wait in read lasted") {
			t.Errorf("no %q in\n%s", want, said)
		}
	}
	said = ""
	for deadline := time.Now().Add(time.Minute); !strings.Contains(said, "last woken by "); {
		if time.Now().After(deadline) {
			t.Fatalf("why --trace says of process %s %s", pid, said)
		}
		main("why", "--trace", "300ms", pid)
		for running := true; running; {
			select {
			case said = <-ended: // it may have been running at that moment
				running = false
			default:
				wake()
			}
		}
	}
	if !strings.HasPrefix(said, "status 0\n") {
		t.Errorf("why --trace: %s", said)
	}
}

func TestTraceOptionUsage(t *testing.T) {
	for _, test := range []struct{ args, stderr string }{
		{"why --trace -1s 1", "cannot be negative"},
		{"why --trace 1s --from x.json 1", "does not work with --from"},
	} {
		status, out, errs := run(t, "", strings.Fields(test.args)...)
		if status != exitUsage || out != "" || !strings.Contains(errs, test.stderr) {
			t.Errorf("ipctop %s: status %d, stdout %q, stderr %q", test.args, status, out, errs)
		}
	}
}
