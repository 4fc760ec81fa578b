package main

import (
	"cmp"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ipctop/ipctop/model"
)

// flagsProgram has descriptors with every flag that lsfd can name, set when opened or afterwards.
const flagsProgram = `
import fcntl, os, socket, sys, mmap
kept = os.pipe2(os.O_DIRECT | os.O_NONBLOCK)
path = sys.argv[1] + "/file"
for flags in (os.O_WRONLY | os.O_APPEND, os.O_RDWR | os.O_DSYNC, os.O_RDONLY | os.O_NOFOLLOW):
    f = os.open(path, flags | os.O_CREAT, 0o600)
    fcntl.flock(f, fcntl.LOCK_SH)
w = os.open(path, os.O_RDWR); os.write(w, b"x" * 100); fcntl.fcntl(w, fcntl.F_SETFD, 0)
s = socket.socketpair(); s[0].setblocking(False); os.set_inheritable(s[1].fileno(), True)
m = os.memfd_create("flags"); os.write(m, b"y" * 4097)
a = os.pipe()[0]; fcntl.fcntl(a, fcntl.F_SETFL, fcntl.fcntl(a, fcntl.F_GETFL) | os.O_ASYNC)
print("ready", flush=True)
sys.stdin.read()
`

// TestReferenceFlags compares the flags and offsets of descriptors with lsfd.
func TestReferenceFlags(t *testing.T) {
	if _, err := exec.LookPath("lsfd"); err != nil {
		t.Skip("lsfd is not installed")
	}
	cmd := startProgram(t, flagsProgram, t.TempDir())
	pid := strconv.Itoa(cmd.Process.Pid)
	lsfd := map[string]string{}
	for _, r := range table(t, "lsfd", "-J", "-n", "-p", pid, "-o", "FD,FLAGS,POS", "-Q", "(FD >= 0)") {
		flags := slices.DeleteFunc(strings.Split(r.text("flags"), ","), func(f string) bool {
			return f == "" || f == "wronly" || f == "rdwr" || f == "largefile"
		})
		slices.Sort(flags)
		lsfd[r.text("fd")] = strings.Join(flags, ",") + " at " + r.text("pos")
	}
	status, out, stderr := run(t, "", "dump", "-p", pid, "--descriptors", "--json")
	snap, err := model.Decode(strings.NewReader(out))
	if status != exitOK || err != nil {
		t.Fatalf("status %d, %v, stderr %s", status, err, stderr)
	}
	compared, named := 0, map[string]bool{}
	for i := range snap.Objects {
		for _, h := range snap.Objects[i].Holders {
			fd, ok := h.FD.Get()
			if int(h.PID) != cmd.Process.Pid || h.Via != model.ViaFD || !ok {
				continue
			}
			if h.Extent == nil {
				t.Errorf("the flags of descriptor %d, %s, are not told", fd, snap.Objects[i].ID)
				continue
			}
			var flags []string
			for _, f := range h.Flags {
				name := strings.ToLower(strings.TrimPrefix(f, "O_"))
				flags = append(flags, cmp.Or(map[string]string{"async": "fasync", "sync": "dsync"}[name], name))
				named[f] = true
			}
			slices.Sort(flags)
			want := lsfd[strconv.Itoa(int(fd))]
			flags = slices.DeleteFunc(flags, func(f string) bool { // lsfd before 2.41 does not name these
				return (f == "fasync" || f == "nofollow") && !strings.Contains(want, f)
			})
			if !h.Offset.Known() {
				want = want[:strings.Index(want, " at ")] // a pipe or socket has no offset
				if snap.Objects[i].Kind == model.File || snap.Objects[i].Kind == model.Memfd {
					t.Errorf("the offset of descriptor %d, %s, is not told", fd, snap.Objects[i].ID)
				}
			}
			got := strings.Join(flags, ",")
			if n, ok := h.Offset.Get(); ok {
				got += " at " + strconv.FormatInt(n, 10)
			}
			if got != want {
				t.Errorf("descriptor %d, %s: %s, lsfd says %s", fd, snap.Objects[i].ID, got, want)
			}
			compared++
		}
	}
	for _, f := range []string{"O_APPEND", "O_NONBLOCK", "O_DIRECT", "O_CLOEXEC", "O_DSYNC", "O_ASYNC", "O_NOFOLLOW"} {
		if !named[f] {
			t.Errorf("no descriptor has %s", f)
		}
	}
	if compared < 10 {
		t.Errorf("only %d descriptors were compared", compared)
	}
	for _, o := range scanNow(t).Objects {
		for _, h := range o.Holders {
			if h.Extent != nil && slices.Contains(h.Flags, "O_CLOEXEC") {
				t.Fatalf("flags of %s are read without being asked for", o.ID)
			}
		}
	}
	if _, out, _ := run(t, "", "show", pid); !strings.Contains(out, "O_DIRECT") {
		t.Errorf("show does not tell flags: %s", out)
	}
}

// socketProgram has listeners with three, two and one connections to accept, a connection whose
// reader has no room left, one with keepalive, and a UDP socket that is shut down.
const socketProgram = `
import os, socket, sys, time
def listener(family, at, n):
    l = socket.socket(family); l.bind(at); l.listen(n); return l
full = listener(socket.AF_INET, ("127.0.0.1", 0), 5)
waiting = [socket.create_connection(full.getsockname()) for n in range(3)]
path = listener(socket.AF_UNIX, sys.argv[1] + "/listener", 7)
for n in range(2):
    c = socket.socket(socket.AF_UNIX); c.connect(sys.argv[1] + "/listener"); waiting.append(c)
other = listener(socket.AF_INET, ("127.0.0.1", 0), 1)
writer = socket.create_connection(other.getsockname())
reader, _ = other.accept()
writer.send(b"x" * 1000); reader.recv(1000)
reader.send(b"y" * 70); writer.recv(70)
writer.setblocking(False)
try:
    while True: writer.send(b"z" * 65536)
except BlockingIOError: pass
kept = socket.create_connection(other.getsockname())
kept.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.connect(("127.0.0.1", 9)); u.shutdown(socket.SHUT_RD)
print("ready", flush=True)
sys.stdin.read()
`

var (
	ssInode   = regexp.MustCompile(` ino:(\d+) `)
	ssTimer   = regexp.MustCompile(` timer:\((\w+),`)
	ssRTO     = regexp.MustCompile(` rto:([\d.]+)`)
	ssNumbers = regexp.MustCompile(` (bytes_sent|bytes_acked|bytes_received|notsent|backoff|retrans|rwnd_limited|sndbuf_limited):([\d/]+)`)
	ssTimers  = map[string]string{"on": "retransmit", "keepalive": "keepalive", "persist": "persist"}
)

// TestReferenceSockets compares queues, timers and counters of connections with ss.
func TestReferenceSockets(t *testing.T) {
	if _, err := exec.LookPath("ss"); err != nil {
		t.Skip("ss is not installed")
	}
	cmd := startProgram(t, socketProgram, t.TempDir())
	// Values change with the clock: only those on which two runs of ss agree are compared.
	for attempt := 0; ; attempt++ {
		before, snap, after := ssSays(t), scanNow(t), ssSays(t)
		var wrong []string
		timers, backlogs, compared := map[string]bool{}, 0, 0
		for i := range snap.Objects {
			o := snap.Objects[i]
			if !slices.ContainsFunc(o.Holders, func(h model.Holder) bool { return int(h.PID) == cmd.Process.Pid }) {
				continue
			}
			was, ok := before[o.Ino.String()]
			if !ok {
				continue
			}
			compared++
			got := socketSays(o)
			if got["listens"] != "" && got["recv"] != "0" {
				backlogs++
			}
			timers[got["timer"]] = true
			for name, value := range was {
				if value != after[o.Ino.String()][name] {
					continue // it changes with the clock
				}
				if got[name] != value {
					wrong = append(wrong, fmt.Sprintf("%s %s: %s is %q, ss says %q", o.ID, o.Name, name, got[name], value))
				}
			}
		}
		if compared < 8 || backlogs != 3 || !timers["persist"] || !timers["keepalive"] {
			wrong = append(wrong, fmt.Sprintf("%d sockets were compared, %d with a backlog, timers %v", compared, backlogs, timers))
		}
		if wrong == nil {
			return
		}
		if attempt == 20 {
			t.Fatal(strings.Join(wrong, "\n"))
		}
	}
}

// ssSays is the output of ss about the sockets of ipctop's namespace, by inode.
func ssSays(t *testing.T) map[string]map[string]string {
	t.Helper()
	all := map[string]map[string]string{}
	for _, line := range output(t, "ss", "-HtaneioO") {
		w, ino := strings.Fields(line), ssInode.FindStringSubmatch(line)
		if len(w) < 5 || ino == nil {
			continue
		}
		m := map[string]string{"recv": w[1], "send": w[2]}
		if w[0] == "LISTEN" {
			m["listens"] = "yes"
			all[ino[1]] = m
			continue
		}
		m["timer"] = ""
		if x := ssTimer.FindStringSubmatch(line); x != nil {
			m["timer"] = ssTimers[x[1]]
		}
		if x := ssRTO.FindStringSubmatch(line); x != nil {
			m["rto"] = x[1]
		}
		for _, x := range ssNumbers.FindAllStringSubmatch(line, -1) {
			if x[1] != "retrans" { // outstanding/total: only if there are any
				m[x[1]] = x[2]
			}
		}
		all[ino[1]] = m
	}
	for _, line := range output(t, "ss", "-HxalO") {
		if w := strings.Fields(line); len(w) > 5 && w[1] == "LISTEN" {
			all[w[5]] = map[string]string{"listens": "yes", "recv": w[2], "send": w[3]}
		}
	}
	return all
}

// socketSays makes the same from an object. Numbers that ss omits are 0.
func socketSays(o *model.Object) map[string]string {
	number := func(n model.Opt[int64], unit int64) string {
		v, ok := n.Get()
		if !ok {
			return "?"
		}
		return strconv.FormatInt(v/unit, 10)
	}
	switch d := o.Detail.(type) {
	case *model.UnixDetail:
		return map[string]string{"listens": "yes", "recv": number(d.Backlog, 1), "send": number(d.BacklogMax, 1)}
	case *model.InetDetail:
		if d.State == "LISTEN" {
			return map[string]string{"listens": "yes", "recv": number(d.Backlog, 1), "send": number(d.BacklogMax, 1)}
		}
		const millisecond, microsecond = 1e6, 1e3
		m := map[string]string{
			"recv": number(d.RecvQueue, 1), "send": number(d.SendQueue, 1), "timer": d.Timer, "backoff": number(d.Backoff, 1),
			"bytes_sent": number(d.BytesSent, 1), "bytes_acked": number(d.BytesAcked, 1), "bytes_received": number(d.BytesReceived, 1),
			"notsent": number(d.BytesNotSent, 1), "rwnd_limited": number(d.WindowLimited, millisecond), "sndbuf_limited": number(d.BufferLimited, millisecond),
		}
		if n, ok := d.RTO.Get(); ok {
			m["rto"] = strconv.FormatFloat(float64(n/microsecond)/1000, 'g', -1, 64)
		}
		return m
	}
	return nil
}
