//go:build linux

package main

import (
	"bytes"
	"os/exec"
	"testing"

	"github.com/ipctop/ipctop/diagnose"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/testfixtures"
)

// Scanning, diagnosing and recording reuse memory. A snapshot is read while the next ones are
// made, and must not change; the race detector would notice a write to it.
func TestScanAgainStays(t *testing.T) {
	skipIfLate(t)
	run, err := testfixtures.Start(t.Context(), "pipe:full", "file:flock", "self-wait:mutex", "deadlock", "epoll", "unix", "wait-chain", "sysv-sem")
	if err != nil {
		t.Skip(err)
	}
	defer run.Close()
	for _, use := range []sourceUse{{"procfs", nil}, {"bpf", openSource}} {
		t.Run(use.name, func(t *testing.T) {
			if use.open != nil {
				sourceOrSkip(t)
			}
			again := probe.NewScanner(probe.Options{Probes: probes(), Repeated: true, Source: use.open})
			defer again.Close()
			sequence := diagnose.Sequence{Options: diagnose.Defaults()}
			var snaps []*model.Snapshot
			var was [][]byte
			read := make(chan []byte)
			for n := range 5 {
				stop := make(chan struct{})
				if n > 0 {
					go func() {
						for {
							b := documentText(snaps[n-1])
							select {
							case <-stop:
								read <- b
								return
							default:
							}
						}
					}()
				}
				other := exec.Command("sleep", "100") // a new one each time
				if err := other.Start(); err != nil {
					t.Fatal(err)
				}
				snap := scanWith(t, again)
				_, _ = other.Process.Kill(), other.Wait()
				sequence.Run(snap)
				if close(stop); n > 0 && !bytes.Equal(<-read, was[n-1]) {
					t.Errorf("snapshot %d was another while the next one was made", n-1)
				}
				if len(snap.Waits) < 5 {
					t.Fatalf("there are only %d waits", len(snap.Waits))
				}
				snaps, was = append(snaps, snap), append(was, documentText(snap))
			}
			for n, snap := range snaps {
				got, want := bytes.Split(documentText(snap), []byte("\n")), bytes.Split(was[n], []byte("\n"))
				for i := range min(len(got), len(want)) {
					if !bytes.Equal(got[i], want[i]) {
						t.Fatalf("snapshot %d says\n%.500s\nand said\n%.500s", n, got[i], want[i])
					}
				}
				if len(got) != len(want) {
					t.Errorf("snapshot %d has %d lines, and had %d", n, len(got), len(want))
				}
			}
		})
	}
}

func documentText(s *model.Snapshot) []byte {
	var b bytes.Buffer
	_ = model.Encode(&b, s) // writing to a buffer cannot fail
	return b.Bytes()
}
