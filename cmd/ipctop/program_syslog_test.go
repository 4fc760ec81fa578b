package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ipctop/ipctop/model"
)

const syslogConfig = `module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="%[1]s/log" CreatePath="off")
*.* action(type="omfile" file="%[1]s/messages")
`

// syslogClient sends a message as syslog(3) does, and keeps its socket.
const syslogClient = `
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.connect(sys.argv[1])
s.send(b"<13>Jan  1 00:00:00 tester: hello from ipctop")
print(os.fstat(s.fileno()).st_ino, flush=True)
sys.stdin.read()
`

// A system logger has the datagram socket to which programs send their messages. It is the
// peer of every process that is connected to it.
func TestProgramSystemLogger(t *testing.T) {
	dir := shortDir(t)
	path, config := filepath.Join(dir, "log"), filepath.Join(dir, "conf")
	writeFile(t, config, fmt.Sprintf(syslogConfig, dir))
	startReal(t, "rsyslogd", "-n", "-f", config, "-i", filepath.Join(dir, "pid"))
	logger := pidFile(t, filepath.Join(dir, "pid"))
	waitFor(t, path)
	var inos []string
	var clients []int
	for range 2 {
		p := startReal(t, "python3", "-c", syslogClient, path)
		clients, inos = append(clients, p.pid), append(inos, p.line(t))
	}
	messages := filepath.Join(dir, "messages")
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if text, _ := os.ReadFile(messages); strings.Count(string(text), "hello from ipctop") == 2 {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the logger has written nothing")
		}
	}
	snap := newScan(t)

	log := the(t, snap, model.Unix, "the logger's", func(o *model.Object) bool { return o.Detail.(*model.UnixDetail).Path == path })
	heldBy(t, log, model.ViaFD, logger)
	if d := log.Detail.(*model.UnixDetail); d.Type != "dgram" || d.RecvQueue != model.Some[int64](0) {
		t.Errorf("%s is %+v", log.ID, d)
	}
	for i, ino := range inos {
		o := theID(t, snap, "unix:"+ino)
		heldBy(t, o, model.ViaFD, clients[i])
		if peer := peerOf(t, snap, o); peer != log {
			t.Errorf("%s leads to %s, not to %s", o.ID, peer.ID, log.ID)
		}
		if !slices.ContainsFunc(snap.Links, func(l *model.Link) bool { return slices.Contains(l.From, clients[i]) && slices.Contains(l.To, logger) }) {
			t.Errorf("no link leads from %d to %d", clients[i], logger)
		}
	}
}
