//go:build amd64 || arm64

package tracer_test

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/trace"
	"github.com/ipctop/ipctop/trace/tracer"
)

func inode(t *testing.T, f *os.File) uint64 {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		t.Fatal(err)
	}
	return st.Ino
}

// TestPassed checks who passed which descriptors to whom.
func TestPassed(t *testing.T) {
	find := watch(t, tracer.Options{Passes: true})
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	own, others := os.NewFile(uintptr(pair[0]), "own"), os.NewFile(uintptr(pair[1]), "others")
	defer own.Close()
	defer others.Close()
	from, to := fmt.Sprintf("unix:%d", inode(t, own)), fmt.Sprintf("unix:%d", inode(t, others))
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	memfd, err := unix.MemfdCreate("ring", unix.MFD_CLOEXEC)
	if err != nil {
		t.Skip(err)
	}
	memory := os.NewFile(uintptr(memfd), "ring")
	defer memory.Close()
	event, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(event)

	cmd := role("receive")
	cmd.Stdin = others
	p := start(t, cmd)
	if line := p.line(t); line != "ready" {
		t.Fatalf("it said %q", line)
	}
	rights := unix.UnixRights(int(r.Fd()), memfd, event)
	if err := unix.Sendmsg(int(own.Fd()), []byte("x"), rights, nil, 0); err != nil {
		t.Fatal(err)
	}
	if line := p.line(t); line != fmt.Sprintf("%d <nil>", len(rights)) {
		t.Fatalf("it received %s", line)
	}
	is := func(how string) func(e *trace.Event) bool {
		return func(e *trace.Event) bool {
			return e.Passed != nil && e.How == how && (e.Object == from || e.Object == to)
		}
	}
	sent, received := find("sent", is(trace.PassedSent)), find("received", is(trace.PassedReceived))
	for _, e := range []*trace.Event{sent, received} {
		if e.Sender == nil || e.Sender.PID != os.Getpid() || e.Target == nil || e.Target.PID != p.Process.Pid || e.Number != 3 {
			t.Errorf("%s: %+v to %+v: %+v", e.How, e.Sender, e.Target, e.Passed)
		}
		if len(e.Given) != 3 {
			t.Fatalf("%+v", e.Given)
		}
		pipe, ring := e.Given[0], e.Given[1]
		var major, minor, ino uint64
		if n, _ := fmt.Sscanf(ring.Object, "memfd:%d:%d:%d", &major, &minor, &ino); n != 3 || ino != inode(t, memory) || ring.Name != "memfd:ring" {
			t.Errorf("the memory is %+v", ring)
		}
		if pipe.Object != fmt.Sprintf("pipe:%d", inode(t, r)) || pipe.Name != "" || e.Given[2] != (trace.File{Name: "[eventfd]"}) {
			t.Errorf("%+v", e.Given)
		}
	}
	if sent.Object != from || sent.Via != to || received.Object != to || received.Via != from {
		t.Errorf("over %s to %s, over %s to %s; want %s, %s", sent.Object, sent.Via, received.Via, received.Object, from, to)
	}
}

// TestPassedMany: all descriptors are counted, though not all are listed. A message without
// descriptors is not reported.
func TestPassedMany(t *testing.T) {
	find := watch(t, tracer.Options{Passes: true})
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	own := os.NewFile(uintptr(pair[0]), "own")
	defer own.Close()
	defer unix.Close(pair[1])
	over := fmt.Sprintf("unix:%d", inode(t, own))
	null, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	none := unix.UnixCredentials(&unix.Ucred{Pid: int32(os.Getpid()), Uid: uint32(os.Getuid()), Gid: uint32(os.Getgid())})
	for _, control := range [][]byte{nil, none, append(slices.Clone(none), unix.UnixRights(slices.Repeat([]int{int(null.Fd())}, 11)...)...)} {
		if err := unix.Sendmsg(pair[0], []byte("x"), control, nil, 0); err != nil {
			t.Fatal(err)
		}
	}
	e := find("sent", func(e *trace.Event) bool { return e.Passed != nil && e.Object == over })
	if e.Number != 11 || len(e.Given) != 8 || e.Given[7].Name != "null" || e.Target != nil {
		t.Errorf("%+v to %+v", e.Passed, e.Target)
	}
}

// mmsghdr is struct mmsghdr of sendmmsg(2).
type mmsghdr struct {
	header unix.Msghdr
	length uint32
}

// messages makes one structure for each control message, with a byte of data.
func messages(controls ...[]byte) []mmsghdr {
	list := make([]mmsghdr, len(controls))
	for i, control := range controls {
		h := &list[i].header
		h.Iov = &unix.Iovec{Base: new(byte)}
		h.Iov.SetLen(1)
		h.SetIovlen(1)
		if len(control) > 0 {
			h.Control = &control[0]
			h.SetControllen(len(control))
		}
	}
	return list
}

// TestPassedInSeveralMessages: each message of sendmmsg(2) and recvmmsg(2) that carries
// descriptors is reported, if it was sent or received.
func TestPassedInSeveralMessages(t *testing.T) {
	find := watch(t, tracer.Options{Passes: true})
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	own, other := os.NewFile(uintptr(pair[0]), "own"), os.NewFile(uintptr(pair[1]), "other")
	defer own.Close()
	defer other.Close()
	from, to := fmt.Sprintf("unix:%d", inode(t, own)), fmt.Sprintf("unix:%d", inode(t, other))
	null, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	rights := func(n int) []byte { return unix.UnixRights(slices.Repeat([]int{int(null.Fd())}, n)...) }
	call := func(number uintptr, f *os.File, list []mmsghdr, flags int) {
		t.Helper()
		n, _, errno := unix.Syscall6(number, f.Fd(), uintptr(unsafe.Pointer(&list[0])), uintptr(len(list)), uintptr(flags), 0, 0)
		if errno != 0 || n != 3 {
			t.Fatalf("%d messages: %v", n, errno)
		}
	}
	sent := messages(rights(1), nil, rights(2), unix.UnixRights(1<<20)) // the last one fails
	call(unix.SYS_SENDMMSG, own, sent, 0)
	room := func() []mmsghdr { return messages(rights(4), rights(4), rights(4), rights(4)) }
	received := room()
	call(unix.SYS_RECVMMSG, other, received, 0)
	for i := range received {
		if control := unsafe.Slice(received[i].header.Control, received[i].header.Controllen); i < 3 && len(control) > 0 {
			closeAll(t, control)
		}
	}
	for _, how := range []string{trace.PassedSent, trace.PassedReceived} {
		for n := 1; n <= 2; n++ {
			e := find(how, func(e *trace.Event) bool {
				return e.Passed != nil && e.How == how && e.Number == n && (e.Object == from || e.Object == to)
			})
			if len(e.Given) != n || e.Given[0].Name != "null" || e.Sender == nil || e.Sender.PID != os.Getpid() || e.Target == nil || e.Target.PID != os.Getpid() {
				t.Errorf("%s: %+v to %+v: %+v", how, e.Sender, e.Target, e.Passed)
			}
			if object, via := e.Object, e.Via; how == trace.PassedSent && (object != from || via != to) || how == trace.PassedReceived && (object != to || via != from) {
				t.Errorf("%s over %s and %s; want %s to %s", how, object, via, from, to)
			}
		}
	}
	// Events come ordered by time, so the messages in between were not reported.
	if err := unix.Sendmsg(int(own.Fd()), []byte("x"), rights(5), nil, 0); err != nil {
		t.Fatal(err)
	}
	sentBefore := map[*trace.Event]bool{}
	find("the end", func(e *trace.Event) bool {
		if e.Passed == nil || e.Object != from || e.How != trace.PassedSent {
			return false
		}
		sentBefore[e] = e.Number != 5
		return e.Number == 5
	})
	if len(sentBefore) != 3 {
		t.Errorf("it told of %d messages that were sent", len(sentBefore))
	}
}

// closeAll closes the descriptors that came with a control message.
func closeAll(t *testing.T, control []byte) {
	t.Helper()
	list, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		t.Fatal(err)
	}
	for i := range list {
		fds, err := unix.ParseUnixRights(&list[i])
		if err != nil {
			t.Fatal(err)
		}
		for _, fd := range fds {
			unix.Close(fd)
		}
	}
}

// TestTaken checks who took a descriptor by pidfd_getfd(2), and from whom.
func TestTaken(t *testing.T) {
	find := watch(t, tracer.Options{Passes: true})
	p := start(t, role("receive"))
	pidfd, err := unix.PidfdOpen(p.Process.Pid, 0)
	if err != nil {
		t.Skip(err)
	}
	defer unix.Close(pidfd)
	fd, err := unix.PidfdGetfd(pidfd, 1, 0)
	if err != nil {
		t.Skip(err)
	}
	f := os.NewFile(uintptr(fd), "taken")
	defer f.Close()
	want := fmt.Sprintf("pipe:%d", inode(t, f))
	e := find("taken", func(e *trace.Event) bool { return e.Passed != nil && len(e.Given) == 1 && e.Given[0].Object == want })
	if e.How != trace.PassedTaken || e.Number != 1 || e.Sender.PID != os.Getpid() || e.Target == nil || e.Target.PID != p.Process.Pid {
		t.Errorf("%+v of %+v: %+v", e.Sender, e.Target, e.Passed)
	}
}
