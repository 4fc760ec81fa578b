package main

import (
	"fmt"
	"math/bits"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ipctop/ipctop/model"
)

// descriptorProgram has descriptors of many kinds, some also in a child, and one or two of
// each further kind that the kernel supports. It says "ready" and ends with its input.
const descriptorProgram = `
import ctypes, os, select, signal, socket, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
kept = []
def call(name, *args):
    fd = getattr(libc, name)(*args)
    if fd < 0: sys.exit("%s: %s" % (name, os.strerror(ctypes.get_errno())))
    return fd
class Attr(ctypes.Structure):
    _fields_ = [(n, ctypes.c_long) for n in ("flags", "maxmsg", "msgsize", "curmsgs")] + [("pad", ctypes.c_long * 4)]
def more(n):
    r, w = os.pipe()
    fifo = "%s/fifo%d" % (sys.argv[1], n)
    os.mkfifo(fifo)
    f = os.open(fifo, os.O_RDWR)
    g = os.open(fifo, os.O_RDONLY)
    if n % 2: os.unlink(fifo)
    e = call("eventfd", 3 * n, 1 if n % 2 else 0)
    mask = (ctypes.c_ulong * 16)(1 << (n % 30) | 1 << 40)
    s = call("signalfd", -1, mask, 0)
    t = call("timerfd_create", n % 2, 0)
    when = (ctypes.c_long * 4)(60 + n, 500, 3600, 0)
    call("timerfd_settime", t, 0, when, None)
    i = call("inotify_init1", 0)
    call("inotify_add_watch", i, sys.argv[1].encode(), 0x100 << (n % 3))
    call("inotify_add_watch", i, b"/", 0x200)
    p = os.pidfd_open(os.getpid() if n % 2 else 1)
    m = os.memfd_create("reference %d" % n); os.ftruncate(m, 4096 * n)
    if n < 5:
        name = ("ipctop-test-reference-%d-%d" % (os.getpid(), n)).encode()
        q = call("mq_open", b"/" + name, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600, ctypes.byref(Attr(0, 2, 16)))
        call("mq_unlink", b"/" + name)
    p4 = select.epoll()
    for fd, events in ((r, select.EPOLLIN), (e, select.EPOLLIN | select.EPOLLOUT), (t, select.EPOLLIN | select.EPOLLET)): p4.register(fd, events)
    os.dup(e)
    for family, type in ((socket.AF_INET, socket.SOCK_DGRAM), (socket.AF_UNIX, (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET)[n % 3]), (socket.AF_NETLINK, socket.SOCK_RAW)):
        x = socket.socket(family, type); kept.append(x)
        if family == socket.AF_INET: x.bind(("127.0.0.1", 0))
    kept.append(p4)
def rare():
    def new(*a): kept.append(socket.socket(*a))
    def listener(protocol):
        new(socket.AF_INET, socket.SOCK_STREAM, protocol); kept[-1].bind(("127.0.0.1", 0)); kept[-1].listen(1)
        kept.append(socket.create_connection(kept[-1].getsockname()))
    libc.syscall.argtypes = [ctypes.c_long, ctypes.c_ulong, ctypes.c_void_p]
    for make in (
        lambda: new(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP), lambda: new(socket.AF_INET6, socket.SOCK_RAW, 58),
        lambda: new(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP), lambda: new(socket.AF_PACKET, socket.SOCK_RAW, 0),
        lambda: new(socket.AF_VSOCK, socket.SOCK_STREAM), lambda: new(socket.AF_INET, socket.SOCK_DGRAM, 136),
        lambda: listener(0), lambda: listener(262), lambda: os.openpty(),
        lambda: libc.fanotify_init(0, 0), lambda: libc.syscall(425, 4, ctypes.create_string_buffer(120)),
        lambda: libc.syscall({"x86_64": 323, "aarch64": 282}[os.uname().machine], 1, None)):
        try: make()
        except (OSError, KeyError): pass
for n in range(12): more(n)
rare()
if os.fork() == 0:
    for n in range(12, 20): more(n)
    print("ready", flush=True)
    sys.stdin.read()
    os._exit(0)
sys.stdin.read()
`

// TestReferenceDescriptors compares with lsfd which process has which descriptor, and with
// the kernel's own text how event descriptors are set.
func TestReferenceDescriptors(t *testing.T) {
	skipIfLate(t)
	h := comparison{
		tools: []string{"lsfd", "python3"},
		read: func(t *testing.T, f facts) {
			readLsfd(t, f)
			readFdinfo(t, f)
		},
		own:      ownDescriptors,
		partial:  passing,
		mustHave: []string{"lsfd", "eventfd", "epoll", "signalfd", "timerfd", "inotify", "pidfd"},
		atLeast:  700,
	}
	h.need(t)
	startProgram(t, descriptorProgram, t.TempDir())
	h.compare(t)
}

// passing reports whether a row, called "TOOL PID.FD", is about a descriptor that is gone
// now, or that belongs to the test.
func passing(what string) bool {
	pid, fd, _ := strings.Cut(what[strings.Index(what, " ")+1:], ".")
	_, err := os.Readlink("/proc/" + pid + "/fd/" + fd)
	return err != nil || pid == strconv.Itoa(os.Getpid())
}

// lsfdKinds are the kinds by lsfd's output (2.38 to 2.41): by the beginning of a name or of
// a socket's protocol.
var lsfdKinds = []struct{ name, protocol, kind string }{
	{"pipe:[", "", "pipe"},
	{"anon_inode:[eventfd]", "", "eventfd"},
	{"anon_inode:[eventpoll]", "", "epoll"},
	{"anon_inode:[signalfd]", "", "signalfd"},
	{"anon_inode:[timerfd]", "", "timerfd"},
	{"anon_inode:inotify", "", "inotify"},
	{"anon_inode:[fanotify]", "", "fanotify"},
	{"anon_inode:[io_uring]", "", "io_uring"},
	{"anon_inode:[userfaultfd]", "", "userfaultfd"},
	{"anon_inode:[pidfd]", "", "pidfd"},
	{"pidfd:", "", "pidfd"},
	{"/memfd:", "", "memfd"},
	{"/ipctop-test-reference-", "", "posix-mq"}, // the program's own queues: others look like any file
	{"", "UNIX", "unix"},
	{"", "TCP", "tcp"},
	{"", "MPTCP", "tcp"},
	{"", "UDP", "udp"},
	{"", "RAW", "raw"},
	{"", "PING", "icmp"},
	{"", "PACKET", "packet"},
	{"", "NETLINK", "netlink"},
	{"", "AF_VSOCK", "vsock"},
}

// readLsfd reads what lsfd reports: "lsfd PID.FD" is "KIND inode INODE MODE NAME".
func readLsfd(t *testing.T, f facts) {
	name := "NAME"
	if strings.Contains(strings.Join(output(t, "lsfd", "--help"), "\n"), " KNAME ") {
		name = "KNAME" // 2.39 and later: NAME has another format
	}
	self := strconv.Itoa(os.Getpid())
	for _, r := range table(t, "lsfd", "-J", "-n", "-u", "-o", "PID,FD,MODE,TYPE,INODE,PROTONAME,"+name, "-Q", "(FD >= 0)") {
		pid, link := r.text("pid"), r.text(strings.ToLower(name))
		kind := ""
		for _, k := range lsfdKinds {
			if k.name != "" && strings.HasPrefix(link, k.name) || k.protocol != "" && strings.HasPrefix(r.text("protoname"), k.protocol) {
				kind = k.kind
				break
			}
		}
		if kind == "" && r.text("type") == "FIFO" {
			kind = "fifo"
		}
		if kind == "" || pid == self || !exists("/proc/"+pid) { // lsfd lists itself, too; it is gone now
			continue
		}
		f["lsfd "+pid+"."+r.text("fd")] = descriptorSaid(kind, r.text("inode"), r.text("mode"), link)
	}
}

// descriptorSaid is the statement about a descriptor. Without an inode of its own it has no
// inode here, without a name no name.
func descriptorSaid(kind, ino, mode, name string) string {
	switch kind {
	case "eventfd", "epoll", "signalfd", "timerfd", "inotify", "fanotify":
		ino = "-"
	}
	switch kind {
	case "fifo", "memfd", "posix-mq":
		name = strings.TrimPrefix(strings.TrimSuffix(name, " (deleted)"), "/memfd:")
	default:
		name = "-"
	}
	return fmt.Sprintf("%s inode %s %s %s", kind, ino, strings.ReplaceAll(mode, "-", ""), name)
}

// readFdinfo reads the fdinfo of event descriptors.
func readFdinfo(t *testing.T, f facts) {
	t.Helper()
	links, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, link := range links {
		if strings.HasPrefix(link, fmt.Sprintf("/proc/%d/", os.Getpid())) {
			continue
		}
		name, err := os.Readlink(link)
		kind := strings.Trim(strings.TrimPrefix(name, "anon_inode:"), "[]")
		if kind == "eventpoll" {
			kind = "epoll"
		}
		if said := fdinfoSaid[kind]; err == nil && said != nil && strings.HasPrefix(name, "anon_inode:") {
			text, err := os.ReadFile(strings.Replace(link, "/fd/", "/fdinfo/", 1))
			if err != nil {
				continue
			}
			w := strings.Split(link, "/")
			f[kind+" "+w[2]+"."+w[4]] = said(string(text))
		}
	}
}

// fdinfoSaid makes a statement from an fdinfo text, by kind.
var fdinfoSaid = map[string]func(text string) string{
	"eventfd": func(text string) string {
		return "count " + unhex(infoField(text, "eventfd-count")) + " id " + infoField(text, "eventfd-id")
	},
	"epoll": func(text string) string {
		var list []string
		for _, w := range infoLines(text, "tfd") {
			list = append(list, fmt.Sprintf("%s data %s %s events", infoWord(w, "tfd"), infoWord(w, "data"), popcount(infoWord(w, "events"))))
		}
		return sorted(list)
	},
	"signalfd": func(text string) string {
		n, _ := strconv.ParseUint(infoField(text, "sigmask"), 16, 64)
		var list []string
		for bit := range 64 {
			if n>>bit&1 != 0 {
				list = append(list, model.SignalName(bit+1))
			}
		}
		return sorted(list)
	},
	"timerfd": func(text string) string {
		var sec, ns int64
		_, _ = fmt.Sscanf(infoField(text, "it_interval"), "(%d, %d)", &sec, &ns)
		return "clock " + infoField(text, "clockid") + fmt.Sprintf(" every %d", sec*1e9+ns)
	},
	"inotify": func(text string) string {
		var list []string
		for _, w := range infoLines(text, "inotify") {
			list = append(list, fmt.Sprintf("%s inode %s %s events", infoWord(w, "wd"), unhex(infoWord(w, "ino")), popcount(infoWord(w, "mask"))))
		}
		return sorted(list)
	},
	"pidfd": func(text string) string { return "pid " + infoField(text, "Pid") },
}

// infoField is the rest of the line that begins with key.
func infoField(text, key string) string {
	for line := range strings.Lines(text) {
		if v, ok := strings.CutPrefix(line, key+":"); ok {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

func infoLines(text, key string) (lines []string) {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, key) {
			lines = append(lines, line)
		}
	}
	return lines
}

// infoWord is the word after "key:" in a line.
func infoWord(line, key string) string {
	_, v, _ := strings.Cut(line, key+":")
	if w := strings.Fields(v); len(w) > 0 {
		return w[0]
	}
	return ""
}

func unhex(s string) string {
	n, err := strconv.ParseUint(s, 16, 64)
	if err != nil {
		return s
	}
	return strconv.FormatUint(n, 10)
}

func popcount(s string) string {
	n, _ := strconv.ParseUint(s, 16, 64)
	return strconv.Itoa(bits.OnesCount64(n))
}

// ownDescriptors makes the same rows from a snapshot.
func ownDescriptors(snap *model.Snapshot) facts {
	kinds := []string{"fifo"}
	for _, k := range lsfdKinds {
		kinds = append(kinds, k.kind)
	}
	f := facts{}
	for i := range snap.Objects {
		o := snap.Objects[i]
		if !slices.Contains(kinds, string(o.Kind)) || o.Kind == model.PosixMq && !strings.HasPrefix(o.Name, "/ipctop-test-reference-") {
			continue
		}
		said := eventSaid(o)
		for _, h := range o.Holders {
			fd, ok := h.FD.Get()
			if !ok || h.Via != model.ViaFD || h.TID != 0 || int(h.PID) == os.Getpid() {
				continue
			}
			mode := string(h.Access)
			if h.Access == model.AccessNone {
				mode = ""
			}
			at := fmt.Sprintf("%d.%d", h.PID, fd)
			f["lsfd "+at] = descriptorSaid(string(o.Kind), o.Ino.String(), mode, o.Name)
			if said != "" {
				f[string(o.Kind)+" "+at] = said
			}
		}
	}
	return f
}

// eventSaid makes the statement of fdinfoSaid from an object.
func eventSaid(o *model.Object) string {
	var list []string
	switch d := o.Detail.(type) {
	case *model.EventfdDetail:
		return fmt.Sprintf("count %s id %s", d.Count.Or(0), strings.TrimPrefix(o.ID, "eventfd:"))
	case *model.EpollDetail:
		for _, w := range d.Watches {
			list = append(list, fmt.Sprintf("%d data %s %d events", w.FD.Or(-1), strings.TrimPrefix(w.Data, "0x"), len(w.Events)))
		}
		return sorted(list)
	case *model.SignalfdDetail:
		return sorted(slices.Clone(d.Signals))
	case *model.TimerfdDetail:
		clocks := map[string]string{"CLOCK_REALTIME": "0", "CLOCK_MONOTONIC": "1", "CLOCK_BOOTTIME": "7", "CLOCK_REALTIME_ALARM": "8", "CLOCK_BOOTTIME_ALARM": "9"}
		return fmt.Sprintf("clock %s every %d", clocks[d.Clock], d.Interval.Or(-1))
	case *model.InotifyDetail:
		for _, w := range d.Watches {
			list = append(list, fmt.Sprintf("%d inode %s %d events", w.WD.Or(-1), w.Ino, len(w.Events)))
		}
		return sorted(list)
	case *model.PidfdDetail:
		if d.Ended.Or(false) {
			return "pid -1"
		}
		return fmt.Sprintf("pid %d", d.PID.Or(0))
	}
	return ""
}
