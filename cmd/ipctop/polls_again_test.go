package main

import (
	"strconv"
	"strings"
	"testing"
	"time"
)

// polledAgain is a client that polls its connection to a server again and again, for a second
// each time. The server stops, or waits for the next request.
const polledAgain = `
import os, select, signal, socket, time
l = socket.socket(); l.bind(("127.0.0.1", 0)); l.listen(1); server = os.fork()
if server == 0:
    c = l.accept()[0]
    if STOPS: os.kill(os.getpid(), signal.SIGSTOP)
    while c.recv(99): pass
    time.sleep(1000)
client = os.fork()
if client == 0:
    s = socket.create_connection(l.getsockname()); l.close(); s.send(b"request"); p = select.poll(); p.register(s, select.POLLIN)
    while True: p.poll(1000)
time.sleep(0.3); print(client, server, flush=True); time.sleep(1000)
`

// TestWhyOfWhoPollsAgain: although the polls have a time limit, the output says that only a
// stopped process could end them with what they wait for.
func TestWhyOfWhoPollsAgain(t *testing.T) {
	for _, stops := range []bool{true, false} {
		script := strings.ReplaceAll(polledAgain, "STOPS", map[bool]string{true: "True", false: "False"}[stops])
		pids := numbers(t, startReal(t, "python3", "-c", script).line(t))
		text := ""
		for end := time.Now().Add(20 * time.Second); time.Now().Before(end) && !strings.Contains(text, "(for 1s at most)"); time.Sleep(100 * time.Millisecond) {
			_, text, _ = run(t, "", "why", strconv.Itoa(pids[0])) // the client may be between two polls
			text = strings.Join(strings.Fields(text), " ")
		}
		leads := strings.Contains(text, "("+strconv.Itoa(pids[1])+") is stopped") && strings.Contains(text, "resumes when: something that it watches becomes ready, or its time is over")
		if !strings.Contains(text, "(for 1s at most)") || leads != stops || strings.Contains(text, "idle") == stops {
			t.Errorf("stopped %v: why says\n%s", stops, text)
		}
	}
}
