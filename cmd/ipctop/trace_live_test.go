package main

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/ipctop/ipctop/bpf"
)

// In a real terminal, the log reports a signal and its effect as soon as T is pressed,
// until it is pressed again.
func TestLiveTrace(t *testing.T) {
	source, err := bpf.Open()
	if err != nil {
		t.Skip("no eBPF: ", err)
	}
	source.Close()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	m := newTerminal(t, "180", "40")
	m.run("cd " + t.TempDir() + " && " + exe + " -d 1")
	m.waitFor("[1 Overview]")
	m.waitFor("scan ")
	m.keys("8", "T")
	m.waitFor("Tracing into the log")
	m.waitFor(" TRACE ")
	cmd := exec.Command("sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	who := "sleep(" + strconv.Itoa(cmd.Process.Pid) + ")"
	m.keys("\\")
	m.run(who) // a filter: other tests also end processes
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	sent := "(" + strconv.Itoa(os.Getpid()) + ") → " + who + "  SIGTERM  by kill: ends it"
	m.waitFor(sent)
	m.waitFor(who + "  ended  by SIGTERM")
	lines := strings.Split(m.screen(), "\n")
	at := func(text string) int {
		for i, l := range lines {
			if strings.Contains(l, text) {
				return i
			}
		}
		return -1
	}
	if at("ended  by SIGTERM") >= at(sent) {
		t.Errorf("the newest does not come first:\n%s", strings.Join(lines, "\n"))
	}
	m.keys("T")
	m.waitFor("Tracing has ended")
	m.wait("TRACE to go", func() bool { return !strings.Contains(m.screen(), " TRACE ") })
	m.keys("q")
	m.wait("the alternate screen to be left", func() bool { return m.format("#{alternate_on}") == "0" })
}
