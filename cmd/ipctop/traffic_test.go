package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/ipctop/ipctop/testfixtures"
)

func TestFixturesTraffic(t *testing.T) {
	ownHome(t)
	status, out, _ := run(t, "", "fixtures", "--traffic=10MiB", "--for", "1ms", "--json", "unix", "pipe")
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	if status != exitOK || len(lines) != 3 || !strings.HasPrefix(lines[0], `{"ready":true,`) {
		t.Fatalf("status %d, lines %q", status, lines)
	}
	for i, name := range []string{"pipe", "unix"} {
		var c testfixtures.Channel
		if err := json.Unmarshal([]byte(lines[i+1]), &c); err != nil {
			t.Fatal(err)
		}
		if c.Name != name || !strings.HasPrefix(c.Objects[0], name+":") || c.Sender.Sent.Bytes == 0 || c.Sender.Sent.Bytes != c.Receiver.Received.Bytes {
			t.Errorf("line of %s: %s", name, lines[i+1])
		}
	}
	status, out, _ = run(t, "", "fixtures", "--traffic", "--for", "1ms", "eventfd")
	if status != exitOK || !strings.Contains(out, "calls/s") {
		t.Errorf("status %d, stdout %q", status, out)
	}
}
