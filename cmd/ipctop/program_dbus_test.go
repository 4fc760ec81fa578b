package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/ipctop/ipctop/model"
)

const busConfig = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path=%s</listen><pidfile>%s</pidfile>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>
`

// busClient connects to a bus, and prints its name on the bus and the inode of its socket.
const busClient = `
import json, os, re, socket, struct, sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
s.sendall(b"\0AUTH EXTERNAL " + str(os.getuid()).encode().hex().encode() + b"\r\n")
if not s.recv(100).startswith(b"OK"): sys.exit("not let in")
s.sendall(b"BEGIN\r\n")
def field(code, type, value):
    sig = type.encode()
    v = struct.pack("<I", len(value)) + value.encode() + b"\0"
    return bytes([code, 1]) + sig + b"\0" + v
def pad(b): return b + b"\0" * (-len(b) % 8)
fields = pad(field(1, "o", "/org/freedesktop/DBus")) + pad(field(6, "s", "org.freedesktop.DBus")) + pad(field(2, "s", "org.freedesktop.DBus")) + field(3, "s", "Hello")
s.sendall(pad(struct.pack("<BBBBIII", ord("l"), 1, 0, 1, 0, 1, len(fields)) + fields))
print(json.dumps({"Name": re.search(rb":1\.\d+", s.recv(1000)).group().decode(), "Ino": os.fstat(s.fileno()).st_ino}), flush=True)
sys.stdin.read()
`

// A message bus with two clients: their connections, whose other ends the bus has, and its listener.
func TestProgramMessageBus(t *testing.T) {
	dir := shortDir(t)
	path, config, pidPath := filepath.Join(dir, "bus"), filepath.Join(dir, "bus.conf"), filepath.Join(dir, "pid")
	writeFile(t, config, fmt.Sprintf(busConfig, path, pidPath))
	startReal(t, "dbus-daemon", "--config-file="+config, "--nofork", "--nosyslog")
	bus := pidFile(t, pidPath)
	waitFor(t, path)
	type client struct {
		Name string
		Ino  int
	}
	clients := map[int]client{}
	for range 2 {
		p := startReal(t, "python3", "-c", busClient, path)
		var said client
		p.says(t, &said)
		clients[p.pid] = said
	}
	if send, err := exec.LookPath("dbus-send"); err == nil { // the bus knows the pids of its clients
		for pid, c := range clients {
			out, err := exec.Command(send, "--bus=unix:path="+path, "--print-reply=literal", "--dest=org.freedesktop.DBus", "/",
				"org.freedesktop.DBus.GetConnectionUnixProcessID", "string:"+c.Name).CombinedOutput()
			if w := strings.Fields(string(out)); err != nil || len(w) == 0 || w[len(w)-1] != strconv.Itoa(pid) {
				t.Errorf("the bus takes %s for %s (%v), not for %d", c.Name, out, err, pid)
			}
		}
	}
	snap := newScan(t)

	listener := the(t, snap, model.Unix, "the listener", func(o *model.Object) bool {
		d := o.Detail.(*model.UnixDetail)
		return d.Path == path && d.State == "listen"
	})
	heldBy(t, listener, model.ViaFD, bus)
	for pid, c := range clients {
		end := theID(t, snap, fmt.Sprintf("unix:%d", c.Ino))
		heldBy(t, end, model.ViaFD, pid)
		other := peerOf(t, snap, end)
		heldBy(t, other, model.ViaFD, bus)
		if other.Detail.(*model.UnixDetail).Path != path {
			t.Errorf("the bus's end is %+v", other.Detail)
		}
		links := 0
		for _, l := range snap.Links {
			if pids := fmt.Sprint(append(append([]int{}, l.From...), l.To...)); l.BothWays && strings.Contains(pids, strconv.Itoa(pid)) && strings.Contains(pids, strconv.Itoa(bus)) {
				links++
			}
		}
		if links != 1 {
			t.Errorf("%d links between the bus and %d", links, pid)
		}
	}
}
