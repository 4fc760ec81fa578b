package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A pipe that is made and closed while log runs gives one line each.
func TestLog(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	stderr, watching := io.Pipe()
	stdout, lines := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		c := command{strings.NewReader(""), lines, watching}
		ended <- c.main(ctx, []string{"log", "-d", "0.2", "-o", "jsonl", "--event", "appeared,vanished"})
		lines.Close()
	}()
	if first, err := bufio.NewReader(stderr).ReadString('\n'); err != nil || !strings.HasPrefix(first, "ipctop: watching ") {
		t.Fatalf("%q, %v", first, err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(r.Fd()), &st); err != nil {
		t.Fatal(err)
	}
	// Objects that only ipctop has are omitted, so give another process the pipe, too.
	child := exec.Command("sleep", "1000")
	child.Stdin = r
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	id := fmt.Sprintf("pipe:%d", st.Ino)
	events := json.NewDecoder(stdout)
	next := func(event string) {
		t.Helper()
		for {
			var e logRecord
			if err := events.Decode(&e); err != nil {
				t.Fatalf("%s of %s: %v", event, id, err)
			}
			if e.Type != "event" || e.Time.IsZero() || e.Text == "" || e.Event != "appeared" && e.Event != "vanished" {
				t.Errorf("line %+v", e)
			}
			if e.Object == id && e.Event == event && e.Kind == "pipe" {
				return
			}
		}
	}
	next("appeared")
	if err := child.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = child.Wait()
	r.Close()
	w.Close()
	next("vanished")
	cancel() // like Ctrl-C
	go func() { _, _ = io.Copy(io.Discard, stdout) }()
	if status := <-ended; status != exitOK {
		t.Errorf("status %d", status)
	}
}

func TestLogRefuses(t *testing.T) {
	for args, want := range map[string]string{
		"log --from x.json": "--from does not apply here", "log -o xml": `unknown output format "xml"`, "log --event born": `unknown event "born"`,
		"log -n -1": "cannot be negative", "log -d 0": "at least", "log now": "takes no arguments",
	} {
		status, stdout, stderr := run(t, "", strings.Fields(args)...)
		if status != exitUsage || !strings.Contains(stderr, want) || stdout != "" {
			t.Errorf("%s: status %d, stdout %q, stderr %q", args, status, stdout, stderr)
		}
	}
}
