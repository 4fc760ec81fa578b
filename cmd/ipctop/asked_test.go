package main

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ipctop/ipctop/diagnose"
	"github.com/ipctop/ipctop/model"
)

// asksOthers are programs in which one process goes on only when another one has answered the
// kernel's request. The other one STOPS, or answers.
var asksOthers = []struct{ name, wants, script string }{
	{"lease", "opens DIR/f, on which a lease is in the way", `
open("DIR/f", "w").close(); holder = os.fork()
if holder == 0:
    f = os.open("DIR/f", os.O_RDWR)
    signal.signal(signal.SIGIO, signal.SIG_IGN if STOPS else lambda *_: fcntl.fcntl(f, fcntl.F_SETLEASE, fcntl.F_UNLCK))
    fcntl.fcntl(f, fcntl.F_SETLEASE, fcntl.F_WRLCK); answer()
time.sleep(0.3); opener = os.fork()
if opener == 0: os.open("DIR/f", os.O_WRONLY); through() # who opens it to read is woken at each tick
print(opener, holder, flush=True); time.sleep(1000)
`},
	{"fanotify", "waits for permission (fanotify) in openat of DIR/f", `
open("DIR/f", "w").close(); group = libc.fanotify_init(4, 0)
if libc.fanotify_mark(group, 1, ctypes.c_uint64(0x10000), -100, b"DIR/f"): print("there are no permission events", flush=True); os._exit(0)
listener = os.fork()
if listener == 0:
    def allow():
        event = os.read(group, 4096); os.write(group, struct.pack("iI", struct.unpack_from("i", event, 16)[0], 1))
    answer(allow)
os.close(group); time.sleep(0.3); opener = os.fork()
if opener == 0: os.open("DIR/f", os.O_RDONLY); through()
print(opener, listener, flush=True); time.sleep(1000)
`},
	{"userfaultfd", "waits for a page of memory (userfaultfd) in page fault", `
u = libc.syscall(323, 0o2000000)
if u < 0: print("there is no userfaultfd", flush=True); os._exit(0)
fcntl.ioctl(u, 0xc018aa3f, bytearray(struct.pack("QQQ", 0xaa, 0, 0)))
libc.mmap.restype = ctypes.c_void_p; page = libc.mmap(None, ctypes.c_size_t(4096), 3, 0x22, -1, ctypes.c_long(0))
fcntl.ioctl(u, 0xc020aa00, bytearray(struct.pack("QQQQ", page, 4096, 1, 0))); handler = os.fork()
if handler == 0:
    def fill(): os.read(u, 32); fcntl.ioctl(u, 0xc020aa04, bytearray(struct.pack("QQQq", page, 4096, 0, 0)))
    answer(fill)
os.close(u); time.sleep(0.3); print(os.getpid(), handler, flush=True); ctypes.memset(page, 1, 1); through()
`},
	{"seccomp", "waits for permission (seccomp) in system call 83", `
libc.prctl(38, 1, 0, 0, 0)
code = struct.pack("HBBI" * 4, 0x20, 0, 0, 0, 0x15, 0, 1, 83, 6, 0, 0, 0x7fc00000, 6, 0, 0, 0x7fff0000)
class Program(ctypes.Structure): _fields_ = [("len", ctypes.c_ushort), ("filter", ctypes.c_char_p)]
n = libc.syscall(317, 1, 8, ctypes.byref(Program(4, code)))
if n < 0: print("there are no seccomp notifications", flush=True); os._exit(0)
decider = os.fork()
if decider == 0:
    def decide():
        asked = bytearray(80); fcntl.ioctl(n, 0xc0502100, asked)
        fcntl.ioctl(n, 0xc0182101, bytearray(struct.pack("QqiI", struct.unpack_from("Q", asked)[0], 0, 0, 1)))
    answer(decide)
os.close(n); time.sleep(0.3); print(os.getpid(), decider, flush=True); os.mkdir("DIR/made"); through()
`},
}

const asksHead = `
import ctypes, fcntl, os, signal, struct, time
libc = ctypes.CDLL(None)
def answer(once=lambda: time.sleep(1000)):
    if STOPS: os.kill(os.getpid(), signal.SIGSTOP)
    while True: once()
def through(): open("DIR/through", "w").close(); time.sleep(1000)
`

// TestAsksStopped: the chain of a process that waits for the kernel leads to the process that must
// answer. If that process answers, there is no finding.
func TestAsksStopped(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("the programs have the numbers of system calls of amd64")
	}
	for _, a := range asksOthers {
		for _, stops := range []bool{true, false} {
			t.Run(a.name+map[bool]string{true: "", false: ", answered"}[stops], func(t *testing.T) {
				dir := shortDir(t)
				script := strings.NewReplacer("DIR", dir, "STOPS", map[bool]string{true: "True", false: "False"}[stops]).Replace(asksHead + a.script)
				pids := numbers(t, startReal(t, "python3", "-c", script).line(t))
				if !stops {
					for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
						if _, err := os.Stat(filepath.Join(dir, "through")); err == nil {
							break
						}
						if time.Now().After(end) {
							t.Fatal("it was not answered")
						}
					}
					waitAged(t, pids[0])
					for _, f := range findAll(t) {
						if f.Severity != model.Info && slices.ContainsFunc(f.PIDs, func(pid int) bool { return slices.Contains(pids, pid) }) {
							t.Errorf("%s %s: %s", f.Severity, f.Rule, f.Summary)
						}
					}
					return
				}
				f := findingAbout(t, "holder-stopped", pids[0], pids[1])
				if f.Root == nil || f.Root.PID != pids[1] || !slices.Equal(f.Victims, pids[:1]) {
					t.Errorf("%s: root %+v, victims %v", f.Summary, f.Root, f.Victims)
				}
				_, text, _ := run(t, "", "why", strconv.Itoa(pids[0]))
				for _, want := range []string{strings.ReplaceAll(a.wants, "DIR", dir), "(" + strconv.Itoa(pids[1]) + ") is stopped"} {
					if !strings.Contains(strings.Join(strings.Fields(text), " "), want) {
						t.Errorf("why does not say %q:\n%s", want, text)
					}
				}
			})
		}
	}
}

// asksItself is a process that must permit the opening of a file, and opens that file itself.
const asksItself = `
import ctypes, os, time
libc = ctypes.CDLL(None); open("DIR/f", "w").close(); group = libc.fanotify_init(4, 0)
if libc.fanotify_mark(group, 1, ctypes.c_uint64(0x10000), -100, b"DIR/f"): print("there are no permission events", flush=True); os._exit(0)
print(os.getpid(), flush=True); os.open("DIR/f", os.O_RDONLY)
`

// TestAsksItself: a process that must permit its own opening of a file waits for itself.
func TestAsksItself(t *testing.T) {
	pids := numbers(t, startReal(t, "python3", "-c", strings.ReplaceAll(asksItself, "DIR", shortDir(t))).line(t))
	if f := findingAbout(t, "self-wait", pids[0]); !strings.Contains(f.Summary, "waits for permission (fanotify)") {
		t.Error(f.Summary)
	}
}

func findAll(t *testing.T) []model.Finding {
	t.Helper()
	snap := newScan(t)
	diagnose.Run(snap, diagnose.Options{MinAge: diagnose.DefaultMinAge})
	return snap.Findings
}
