package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/probe/probetest"
)

// pythonQueues makes a POSIX and a System V queue through the C library, prints what they
// are, waits for the end of its input and removes them.
const pythonQueues = `
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
class Attr(ctypes.Structure):
    _fields_ = [(n, ctypes.c_long) for n in ("flags", "maxmsg", "msgsize", "curmsgs")] + [("pad", ctypes.c_long * 4)]
class Message(ctypes.Structure):
    _fields_ = [("type", ctypes.c_long), ("text", ctypes.c_char * 16)]
name = ("/ipctop-test-python-%d" % os.getpid()).encode()
fd = libc.mq_open(name, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o640, ctypes.byref(Attr(0, 5, 32)))
if fd < 0: sys.exit("mq_open: " + os.strerror(ctypes.get_errno()))
try:
    for text in (b"one", b"three", b"seven"):
        libc.mq_send(fd, text, len(text), 1)
    q = libc.msgget(0, 0o640)
    if q < 0: sys.exit("msgget: " + os.strerror(ctypes.get_errno()))
    try:
        libc.msgsnd(q, ctypes.byref(Message(1, b"0123456789")), 10, 0)
        print(name.decode(), fd, q, flush=True)
        sys.stdin.read()
    finally:
        libc.msgctl(q, 0, None)
finally:
    libc.mq_unlink(name)
`

// TestWhatPythonMakes compares a scan with objects that another program made, by other
// means than the fixtures.
func TestWhatPythonMakes(t *testing.T) {
	cmd := exec.Command("python3", "-c", pythonQueues)
	in, _ := cmd.StdinPipe()
	out, _ := cmd.StdoutPipe()
	var errs strings.Builder
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		t.Skip(err)
	}
	ended := false
	end := func() {
		if !ended {
			ended = true
			in.Close()
			_ = cmd.Wait()
		}
	}
	defer end()
	line, _ := bufio.NewReader(out).ReadString('\n')
	var name string
	var fd, id int
	if _, err := fmt.Sscan(line, &name, &fd, &id); err != nil {
		end()
		t.Skipf("python3 cannot make queues here: %s", errs.String())
	}
	snap := probetest.ScanWith(t, probe.Options{Probes: probes()})
	var mq, msg *model.Object
	for i := range snap.Objects {
		switch o := snap.Objects[i]; {
		case o.Name == name:
			mq = o
		case o.Kind == model.SysvMsg && o.SysvID == model.Some(id) && o.Namespace.Inode == snap.Host.Namespaces["ipc"]:
			msg = o
		}
	}
	if mq == nil || msg == nil {
		t.Fatalf("queues %v and %v", mq, msg)
	}
	if len(mq.Holders) != 1 || mq.Holders[0].PID != int32(cmd.Process.Pid) || mq.Holders[0].FD != model.Some(int32(fd)) || mq.Mode != "0640" {
		t.Errorf("%+v", mq)
	}
	d := mq.Detail.(*model.PosixMqDetail)
	if os.Geteuid() == 0 && (d.Messages != model.Some[int64](3) || d.Bytes != model.Some[int64](13) || d.MaxMessages != model.Some[int64](5)) {
		t.Errorf("%+v", d)
	}
	m := msg.Detail.(*model.SysvMsgDetail)
	if m.Messages != model.Some[int64](1) || m.Bytes != model.Some[int64](10) || m.LastSendPID != model.Some(cmd.Process.Pid) {
		t.Errorf("%+v", m)
	}
}
