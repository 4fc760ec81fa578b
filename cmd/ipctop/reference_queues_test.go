package main

import (
	"encoding/hex"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ipctop/ipctop/model"
)

// queueProgram makes POSIX queues and System V objects in many states, says "ready", and
// removes them when its input ends.
const queueProgram = `
import ctypes, os, signal, sys
libc = ctypes.CDLL(None, use_errno=True)
def call(name, *args):
    r = getattr(libc, name)(*args)
    if r < 0: sys.exit("%s: %s" % (name, os.strerror(ctypes.get_errno())))
    return r
class Attr(ctypes.Structure):
    _fields_ = [(n, ctypes.c_long) for n in ("flags", "maxmsg", "msgsize", "curmsgs")] + [("pad", ctypes.c_long * 4)]
class Event(ctypes.Structure):
    _fields_ = [("value", ctypes.c_long), ("signo", ctypes.c_int), ("notify", ctypes.c_int), ("pad", ctypes.c_int * 12)]
class Message(ctypes.Structure):
    _fields_ = [("type", ctypes.c_long), ("text", ctypes.c_char * 100)]
class Op(ctypes.Structure):
    _fields_ = [("num", ctypes.c_ushort), ("op", ctypes.c_short), ("flags", ctypes.c_short)]
libc.shmat.restype = ctypes.c_void_p
signal.signal(signal.SIGUSR1, signal.SIG_IGN)
names, undo = [], []
try:
    for n in range(6):
        name = ("/ipctop-test-queues-%d-%d" % (os.getpid(), n)).encode() + b"\n\x1b[31m \xff" * (n == 5)
        fd = call("mq_open", name, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600 + 8 * n, ctypes.byref(Attr(0, 4, 32)))
        undo.append(("mq_unlink", name))
        if n % 3 == 0: call("mq_notify", fd, ctypes.byref(Event(0, signal.SIGUSR1, n and 1)))
        else:
            for k in range(n % 4): call("mq_send", fd, b"x" * (n + k), n + k, k)
        q = call("msgget", 0, 0o600 + n); undo.append(("msgctl", q, 0, None))
        for k in range(n): call("msgsnd", q, ctypes.byref(Message(1 + k, b"")), 10 * k, 0)
        if n > 3: call("msgrcv", q, ctypes.byref(Message()), 100, 0, 0)
        s = call("semget", 0, 1 + n, 0o640); undo.append(("semctl", s, 0, 0))
        for k in range(n): call("semop", s, (Op * 1)(Op(k, 1 + n * k, 0)), 1)
        m = call("shmget", 0, 4096 * (1 + n), 0o600); undo.append(("shmctl", m, 0, None))
        for k in range(n % 3):
            at = libc.shmat(m, None, 0)
            ctypes.memset(at, 1, 4096 * k)
        if n == 5: call("shmctl", m, 0, None); undo.pop()
    print("ready", flush=True)
    sys.stdin.read()
finally:
    for name, *args in undo: getattr(libc, name)(*args)
`

// TestReferenceQueues compares POSIX queues with their file system, System V objects with
// ipcs and lsipc, and limits with lsipc.
func TestReferenceQueues(t *testing.T) {
	h := comparison{
		tools: []string{"lsipc", "ipcs", "unshare", "python3"},
		read: func(t *testing.T, f facts) {
			readMqueue(t, f)
			readLsipc(t, f)
			readSemaphores(t, f)
			readUsage(t, f)
		},
		own:      ownQueues,
		mustHave: []string{"mqueue", "lsipc-q", "lsipc-m", "lsipc-s", "lsipc-g", "ipcs-s", "ipcs-u"},
		atLeast:  35,
	}
	h.need(t)
	startProgram(t, queueProgram)
	h.compare(t)
}

// mqueueScript prints name (in hexadecimal), mode, owner and state of all queues, from a
// mount that no other process sees.
const mqueueScript = `mount -t mqueue none /mnt && cd /mnt && for q in *; do
[ -e "$q" ] && echo "$(printf %s "$q" | od -An -v -tx1 | tr -d ' \n') $(stat -c '%a %u' "$q") $(cat "$q")"; done; true`

// readMqueue reads the mqueue file system: "mqueue /NAME".
func readMqueue(t *testing.T, f facts) {
	for _, line := range output(t, "unshare", "-m", "--propagation", "private", "sh", "-c", mqueueScript) {
		w := strings.Fields(line)
		if len(w) < 7 {
			continue
		}
		value := func(i int) string { return w[i][strings.Index(w[i], ":")+1:] }
		signal := value(5)
		if value(6) == "0" || value(4) != "0" { // NOTIFY 0 is SIGEV_SIGNAL
			signal = "0"
		}
		name, err := hex.DecodeString(w[0])
		if err != nil {
			t.Fatal(err)
		}
		f["mqueue /"+string(name)] = fmt.Sprintf("mode %s uid %s bytes %s notify %s signal %s", w[1], w[2], value(3), value(6), signal)
	}
}

// readLsipc reads objects and limits from lsipc.
func readLsipc(t *testing.T, f facts) {
	ask := func(flag, columns string) []row {
		return table(t, "lsipc", "-J", "-b", "-P", flag, "-o", columns)
	}
	// Its -P has no effect on queues; their mode is compared with ipcs elsewhere.
	for _, r := range ask("-q", "ID,KEY,UID,USEDBYTES,MSGS,LSPID,LRPID") {
		f["lsipc-q "+r.text("id")] = fmt.Sprintf("key %s uid %s bytes %s messages %s sent %s received %s",
			r.text("key"), r.text("uid"), r.text("usedbytes"), r.text("msgs"), r.text("lspid"), r.text("lrpid"))
	}
	for _, r := range ask("-m", "ID,KEY,PERMS,UID,SIZE,NATTCH,STATUS,CPID,LPID") {
		f["lsipc-m "+r.text("id")] = fmt.Sprintf("key %s mode %s uid %s size %s attached %s creator %s last %s removed %v",
			r.text("key"), r.text("perms"), r.text("uid"), r.text("size"), r.text("nattch"), r.text("cpid"), r.text("lpid"),
			strings.Contains(r.text("status"), "dest"))
	}
	for _, r := range ask("-s", "ID,KEY,PERMS,UID,NSEMS") {
		f["lsipc-s "+r.text("id")] = fmt.Sprintf("key %s mode %s uid %s count %s", r.text("key"), r.text("perms"), r.text("uid"), r.text("nsems"))
	}
	for _, r := range table(t, "lsipc", "-J", "-b", "-g") {
		if limitNames[r.text("resource")] != "" {
			used := r.text("used")
			if used == "-" {
				used = ""
			}
			f["lsipc-g "+r.text("resource")] = fmt.Sprintf("%q of %s", used, r.text("limit"))
		}
	}
}

// readUsage reads from ipcs how many semaphores and pages are used: lsipc counts sets and
// segments instead.
func readUsage(t *testing.T, f facts) {
	for _, line := range output(t, "ipcs", "-u") {
		if n, ok := strings.CutPrefix(line, "allocated semaphores = "); ok {
			f["ipcs-u kernel.sem.semmns"] = n
		}
		if n, ok := strings.CutPrefix(line, "pages allocated "); ok {
			f["ipcs-u kernel.shmall"] = n
		}
	}
}

// limitNames are ipctop's names of the limits, by lsipc's names.
var limitNames = map[string]string{
	"MSGMNI": "kernel.msgmni",
	"MSGMAX": "kernel.msgmax",
	"MSGMNB": "kernel.msgmnb",
	"SHMMNI": "kernel.shmmni",
	"SEMMNI": "kernel.sem.semmni",
	"SEMMSL": "kernel.sem.semmsl",
	"SEMOPM": "kernel.sem.semopm",
}

var semaphoreLine = regexp.MustCompile(`^\d+\s+(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s*$`)

// readSemaphores reads each semaphore of each set from ipcs.
func readSemaphores(t *testing.T, f facts) {
	for _, r := range table(t, "lsipc", "-J", "-s", "-o", "ID") {
		out, err := exec.Command("ipcs", "-s", "-i", r.text("id")).Output()
		if err != nil {
			continue // gone
		}
		var list []string
		for _, line := range strings.Split(string(out), "\n") {
			if m := semaphoreLine.FindStringSubmatch(line); m != nil {
				list = append(list, strings.Join(m[1:], "/"))
			}
		}
		f["ipcs-s "+r.text("id")] = strings.Join(list, " ")
	}
}

// ownQueues makes the same rows from a snapshot.
func ownQueues(snap *model.Snapshot) facts {
	f := facts{}
	own := snap.Host.Namespaces["ipc"]
	for i := range snap.Objects {
		o := snap.Objects[i]
		if o.Namespace == nil || o.Namespace.Inode != own {
			continue
		}
		id := strconv.Itoa(o.SysvID.Or(-1))
		head := func(key string) string { return fmt.Sprintf("key %s mode %s uid %d", key, o.Mode, o.UID.Or(-1)) }
		switch d := o.Detail.(type) {
		case *model.PosixMqDetail:
			var n model.MqNotify
			if d.Notify != nil {
				n = *d.Notify
			}
			signal := 0
			if n.Signal != "" {
				signal, _ = model.SignalNumber(n.Signal)
			}
			f["mqueue "+o.Name] = fmt.Sprintf("mode %s uid %d bytes %d notify %d signal %d",
				strings.TrimPrefix(o.Mode, "0"), o.UID.Or(-1), d.Bytes.Or(-1), n.PID.Or(0), signal)
		case *model.SysvMsgDetail:
			f["lsipc-q "+id] = fmt.Sprintf("key %s uid %d bytes %d messages %d sent %d received %d",
				d.Key, o.UID.Or(-1), d.Bytes.Or(-1), d.Messages.Or(-1), d.LastSendPID.Or(-1), d.LastRecvPID.Or(-1))
		case *model.SysvShmDetail:
			f["lsipc-m "+id] = head(d.Key) + fmt.Sprintf(" size %d attached %d creator %d last %d removed %v",
				d.Size.Or(-1), d.Attached.Or(-1), d.CreatorPID.Or(-1), d.LastPID.Or(-1), d.MarkedForRemoval.Or(false))
		case *model.SysvSemDetail:
			f["lsipc-s "+id] = head(d.Key) + fmt.Sprintf(" count %d", d.Count.Or(-1))
			var list []string
			for _, s := range d.Sems {
				list = append(list, fmt.Sprintf("%d/%d/%d/%d", s.Value.Or(-1), s.NCount.Or(-1), s.ZCount.Or(-1), s.LastPID.Or(-1)))
			}
			f["ipcs-s "+id] = strings.Join(list, " ")
		}
	}
	for i := range snap.Limits {
		l := &snap.Limits[i]
		if l.Scope != nil && l.Scope.NS == own && (l.Name == "kernel.sem.semmns" || l.Name == "kernel.shmall") {
			f["ipcs-u "+l.Name] = strconv.FormatInt(l.Used.Or(-1), 10)
		}
	}
	for name, called := range limitNames {
		i := slices.IndexFunc(snap.Limits, func(l model.Limit) bool { return l.Name == called && l.Scope != nil && l.Scope.NS == own })
		if i < 0 {
			continue
		}
		used := ""
		if n, ok := snap.Limits[i].Used.Get(); ok {
			used = strconv.FormatInt(n, 10)
		}
		f["lsipc-g "+name] = fmt.Sprintf("%q of %d", used, snap.Limits[i].Max.Or(-1))
	}
	return f
}
