package main

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/ipctop/ipctop/model"
)

// shmClient shares a segment with an X server (MIT-SHM), marks it for removal as all such
// clients do, and prints which one it is.
const shmClient = `
import ctypes, json, os, socket, sys
x11, ext, libc = ctypes.CDLL("libX11.so.6"), ctypes.CDLL("libXext.so.6"), ctypes.CDLL(None, use_errno=True)
class Info(ctypes.Structure):
    _fields_ = [("seg", ctypes.c_ulong), ("id", ctypes.c_int), ("address", ctypes.c_void_p), ("readonly", ctypes.c_int)]
x11.XOpenDisplay.restype, libc.shmat.restype = ctypes.c_void_p, ctypes.c_void_p
display = x11.XOpenDisplay(sys.argv[1].encode())
if not display: sys.exit("no display")
display = ctypes.c_void_p(display)
if not ext.XShmQueryExtension(display): sys.exit("no MIT-SHM")
id = libc.shmget(0, 123456, 0o600)
info = Info(0, id, libc.shmat(id, None, 0), 0)
if not ext.XShmAttach(display, ctypes.byref(info)): sys.exit("XShmAttach failed")
x11.XSync(display, 0)
libc.shmctl(id, 0, None)
print(json.dumps({"ID": id, "Ino": os.fstat(x11.XConnectionNumber(display)).st_ino}), flush=True)
sys.stdin.read()
`

// A client of the X server and the server both have the segment attached, and are connected by a socket.
func TestProgramXServer(t *testing.T) {
	if !exists("/tmp/.X11-unix") {
		t.Cleanup(func() { _ = os.Remove("/tmp/.X11-unix") }) // after the server has ended
	}
	server := startReal(t, "Xvfb", "-displayfd", "1", "-screen", "0", "64x64x8", "-nolisten", "tcp", "-ac")
	display := ":" + server.line(t)
	client := startReal(t, "python3", "-c", shmClient, display)
	var said struct {
		ID  int
		Ino int
	}
	client.says(t, &said)
	snap := newScan(t)

	segment := the(t, snap, model.SysvShm, "the segment", func(o *model.Object) bool {
		return o.SysvID == model.Some(said.ID) && o.Namespace.Inode == snap.Host.Namespaces["ipc"]
	})
	heldBy(t, segment, model.ViaAttach, client.pid, server.pid)
	d := segment.Detail.(*model.SysvShmDetail)
	if d.Size != model.Some[int64](123456) || d.Attached != model.Some[int64](2) || d.CreatorPID != model.Some(client.pid) ||
		d.LastPID != model.Some(server.pid) || d.MarkedForRemoval != model.Some(true) || !segment.HoldersComplete && os.Geteuid() == 0 {
		t.Errorf("segment %+v %+v", segment, d)
	}

	end := the(t, snap, model.Unix, "the client's", func(o *model.Object) bool { return o.Ino == model.Big(said.Ino) })
	heldBy(t, end, model.ViaFD, client.pid)
	other := peerOf(t, snap, end)
	heldBy(t, other, model.ViaFD, server.pid)
	if o := other.Detail.(*model.UnixDetail); o.Abstract+o.Path != "/tmp/.X11-unix/X"+display[1:] {
		t.Errorf("the server's end is %+v", o)
	}
	names := []string{"abstract"}
	if exists("/tmp/.X11-unix") { // only root can make it
		names = append(names, "path")
	}
	for _, name := range names {
		the(t, snap, model.Unix, "the listener with the "+name, func(o *model.Object) bool {
			u := o.Detail.(*model.UnixDetail)
			at := map[string]string{"abstract": u.Abstract, "path": u.Path}[name]
			return u.State == "listen" && strings.HasSuffix(at, "/X"+display[1:]) &&
				slices.ContainsFunc(o.Holders, func(h model.Holder) bool { return int(h.PID) == server.pid })
		})
	}
}
