package main

import (
	"regexp"
	"testing"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/probe/probetest"
	"github.com/ipctop/ipctop/testfixtures"
)

// ages are the fields that grow although nothing happens.
var ages = regexp.MustCompile(`"(last_recv_ns|last_send_ns|remaining|remaining_ns|ticks)":[^,}]*`)

// Two dumps of the same state differ only in ages. An object that nobody uses reads the
// same, to the byte, however often it is read.
func TestTwoDumpsOfTheSameState(t *testing.T) {
	skipIfLate(t)
	run, err := testfixtures.Start(t.Context(), "pipe", "pipe:full", "fifo", "unix", "unix:listener", "unix:in-flight", "tcp",
		"tcp:listener", "udp", "sysv-msg", "sysv-sem", "sysv-shm", "eventfd", "epoll", "memfd", "posix-shm", "file:flock", "pty")
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	read := func() map[string]string {
		snap := probetest.ScanWith(t, probe.Options{Probes: probes()})
		objects := map[string]string{}
		for i := range snap.Objects {
			objects[snap.Objects[i].ID] = ages.ReplaceAllString(string(model.AppendJSON(nil, snap.Objects[i])), "")
		}
		return objects
	}
	first, second := read(), read()
	for _, inst := range run.Instances {
		if first[inst.Object] == "" || first[inst.Object] != second[inst.Object] {
			t.Errorf("%s:\n\t%s\n\t%s", inst.Fixture, first[inst.Object], second[inst.Object])
		}
	}
}
