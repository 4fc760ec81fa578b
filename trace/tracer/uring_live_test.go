//go:build amd64 || arm64

package tracer_test

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/trace"
	"github.com/ipctop/ipctop/trace/tracer"
)

// ring is an io_uring (io_uring(7)) with room for 8 requests.
type ring struct {
	fd                            int
	submitted, entries, completed []byte
	p                             ringParams
}

// ringParams is struct io_uring_params (include/uapi/linux/io_uring.h).
type ringParams struct {
	SQEntries, CQEntries, Flags, CPU, Idle, Features, WQ uint32
	_                                                    [3]uint32
	SQ                                                   struct {
		Head, Tail, Mask, Entries, Flags, Dropped, Array, _ uint32
		_                                                   uint64
	}
	CQ struct {
		Head, Tail, Mask, Entries, Overflow, CQEs, Flags, _ uint32
		_                                                   uint64
	}
}

// From include/uapi/linux/io_uring.h.
const (
	opSendmsg, opRecvmsg, opAccept, opConnect = 9, 10, 13, 16
	acceptMultishot                           = 1 // in ioprio
	completionMore                            = 2 // IORING_CQE_F_MORE
)

func newRing(t *testing.T) *ring {
	t.Helper()
	r := &ring{}
	fd, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, 8, uintptr(unsafe.Pointer(&r.p)), 0)
	if errno != 0 {
		t.Skip("io_uring_setup: ", errno)
	}
	r.fd = int(fd)
	t.Cleanup(func() { unix.Close(r.fd) })
	for _, m := range []struct {
		to     *[]byte
		at     int64
		length uint32
	}{
		{&r.submitted, 0, r.p.SQ.Array + r.p.SQEntries*4},
		{&r.completed, 0x8000000, r.p.CQ.CQEs + r.p.CQEntries*16},
		{&r.entries, 0x10000000, r.p.SQEntries * 64},
	} {
		memory, err := unix.Mmap(r.fd, m.at, int(m.length), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = unix.Munmap(memory) })
		*m.to = memory
	}
	return r
}

func (r *ring) word(memory []byte, at uint32) *uint32 { return (*uint32)(unsafe.Pointer(&memory[at])) }

// submit submits a request; number identifies its completion.
func (r *ring) submit(t *testing.T, opcode byte, ioprio uint16, fd int, address unsafe.Pointer, length, offset, number uint64) {
	t.Helper()
	tail := r.word(r.submitted, r.p.SQ.Tail)
	at := *tail & *r.word(r.submitted, r.p.SQ.Mask)
	entry := r.entries[at*64 : (at+1)*64]
	clear(entry)
	entry[0] = opcode
	binary.NativeEndian.PutUint16(entry[2:], ioprio)
	binary.NativeEndian.PutUint32(entry[4:], uint32(fd))
	binary.NativeEndian.PutUint64(entry[8:], offset)
	binary.NativeEndian.PutUint64(entry[16:], uint64(uintptr(address)))
	binary.NativeEndian.PutUint32(entry[24:], uint32(length))
	binary.NativeEndian.PutUint64(entry[32:], number)
	*r.word(r.submitted, r.p.SQ.Array+at*4) = at
	atomic.StoreUint32(tail, *tail+1)
	for {
		n, _, errno := unix.Syscall6(unix.SYS_IO_URING_ENTER, uintptr(r.fd), 1, 0, 0, 0, 0)
		if errno == unix.EINTR {
			continue
		}
		if errno != 0 || n != 1 {
			t.Fatalf("%d requests: %v", n, errno)
		}
		return
	}
}

// completion waits for the next completion.
func (r *ring) completion(t *testing.T) (number uint64, result int32, flags uint32) {
	t.Helper()
	head := r.word(r.completed, r.p.CQ.Head)
	for atomic.LoadUint32(r.word(r.completed, r.p.CQ.Tail)) == *head {
		if _, _, errno := unix.Syscall6(unix.SYS_IO_URING_ENTER, uintptr(r.fd), 0, 1, 1, 0, 0); errno != 0 && errno != unix.EINTR {
			t.Fatal(errno)
		}
	}
	entry := r.completed[r.p.CQ.CQEs+(*head&*r.word(r.completed, r.p.CQ.Mask))*16:]
	number, result, flags = binary.NativeEndian.Uint64(entry), int32(binary.NativeEndian.Uint32(entry[8:])), binary.NativeEndian.Uint32(entry[12:])
	atomic.StoreUint32(head, *head+1)
	return number, result, flags
}

// done waits for the completion of the request with that number and fails on others.
func (r *ring) done(t *testing.T, number uint64) int32 {
	t.Helper()
	n, result, _ := r.completion(t)
	if n != number {
		t.Fatalf("%d completes with %d, not %d", n, result, number)
	}
	return result
}

// addressOfPath is a struct sockaddr_un, and its length.
func addressOfPath(path string) (a *unix.RawSockaddrUnix, length uint64) {
	a = &unix.RawSockaddrUnix{Family: unix.AF_UNIX}
	for i := range len(path) {
		a.Path[i] = int8(path[i])
	}
	return a, uint64(2 + len(path) + 1)
}

// TestUringConnections: connections made and accepted by io_uring requests. One is there at once,
// one must be waited for, several come from one request, and one is refused.
func TestUringConnections(t *testing.T) {
	for _, several := range []bool{false, true} {
		t.Run(fmt.Sprintf("several=%v", several), func(t *testing.T) {
			find := watch(t, tracer.Options{Connects: true})
			path := filepath.Join(t.TempDir(), "socket")
			listener := streamSocket(t)
			if err := unix.Bind(listener, &unix.SockaddrUnix{Name: path}); err != nil {
				t.Fatal(err)
			}
			if err := unix.Listen(listener, 8); err != nil {
				t.Fatal(err)
			}
			server, client := newRing(t), newRing(t)
			address, length := addressOfPath(path)
			var ioprio uint16
			if several {
				needsField(t, "io_accept", "iou_flags") // Linux 6.10
				ioprio = acceptMultishot
			}
			accept := func() { server.submit(t, opAccept, ioprio, listener, nil, 0, 0, 7) }
			accept() // it must wait
			told := map[*trace.Event]bool{}
			for i := range 3 {
				fd := streamSocket(t)
				client.submit(t, opConnect, 0, fd, unsafe.Pointer(address), 0, length, 5)
				if result := client.done(t, 5); result != 0 {
					t.Fatal(unix.Errno(-result))
				}
				if i > 0 && !several {
					accept() // one is there at once
				}
				number, result, flags := server.completion(t)
				if number != 7 || result < 0 {
					t.Fatalf("request %d: %v", number, unix.Errno(-result))
				}
				accepted := os.NewFile(uintptr(result), "accepted")
				defer accepted.Close()
				if several && flags&completionMore == 0 {
					t.Fatal("it accepts no more")
				}
				from, to := fmt.Sprintf("unix:%d", inodeOf(t, fd)), fmt.Sprintf("unix:%d", inode(t, accepted))
				for _, event := range []string{trace.ConnectEvent, trace.AcceptEvent} {
					e := find(event, func(e *trace.Event) bool {
						return e.Event == event && !told[e] && (e.Object == from || e.Object == to)
					})
					told[e] = true
					object, peer := from, to
					if event == trace.AcceptEvent {
						object, peer = to, from
					}
					if e.Path != path || e.Sender.PID != os.Getpid() || e.Target == nil || e.Target.PID != os.Getpid() || e.Object != object || e.PeerObject != peer || e.Error != "" {
						t.Errorf("%+v: %+v", e, e.Connection)
					}
				}
			}
		})
	}
}

// TestUringConnectionsThatFail checks the reported errors.
func TestUringConnectionsThatFail(t *testing.T) {
	find := watch(t, tracer.Options{Connects: true})
	none := filepath.Join(t.TempDir(), "none")
	r := newRing(t)
	address, length := addressOfPath(none)
	r.submit(t, opConnect, 0, streamSocket(t), unsafe.Pointer(address), 0, length, 3)
	if result := r.done(t, 3); result != -int32(unix.ENOENT) {
		t.Fatalf("it ends with %d", result)
	}
	e := find("connect", func(e *trace.Event) bool { return e.Connection != nil && e.Path == none })
	if e.Event != trace.ConnectEvent || e.Error != "ENOENT" || e.Target != nil || e.Sender.PID != os.Getpid() {
		t.Errorf("%+v", e)
	}
}

// TestUringPassed: descriptors in messages that are sent and received by io_uring requests,
// including one that must be waited for.
func TestUringPassed(t *testing.T) {
	find := watch(t, tracer.Options{Passes: true})
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pair[0])
	defer unix.Close(pair[1])
	from, to := fmt.Sprintf("unix:%d", inodeOf(t, pair[0])), fmt.Sprintf("unix:%d", inodeOf(t, pair[1]))
	null, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	rights := unix.UnixRights(int(null.Fd()), int(null.Fd()))
	sent, received := messages(rights), messages(make([]byte, len(rights)))
	sender, receiver := newRing(t), newRing(t)
	receiver.submit(t, opRecvmsg, 0, pair[1], unsafe.Pointer(&received[0].header), 1, 0, 2)
	sender.submit(t, opSendmsg, 0, pair[0], unsafe.Pointer(&sent[0].header), 1, 0, 1)
	if result := sender.done(t, 1); result != 1 {
		t.Fatalf("it sent %d", result)
	}
	if result := receiver.done(t, 2); result != 1 {
		t.Fatalf("it received %d", result)
	}
	h := received[0].header
	closeAll(t, unsafe.Slice(h.Control, h.Controllen))
	for _, how := range []string{trace.PassedSent, trace.PassedReceived} {
		e := find(how, func(e *trace.Event) bool {
			return e.Passed != nil && e.How == how && (e.Object == from || e.Object == to)
		})
		if e.Number != 2 || len(e.Given) != 2 || e.Given[0].Name != "null" || e.Sender == nil || e.Sender.PID != os.Getpid() || e.Target == nil || e.Target.PID != os.Getpid() {
			t.Errorf("%s: %+v to %+v: %+v", how, e.Sender, e.Target, e.Passed)
		}
	}
}

// needsField skips a test if a kernel structure has no such field.
func needsField(t *testing.T, structure, field string) {
	t.Helper()
	types, err := btf.LoadKernelSpec()
	if err != nil {
		t.Skip(err)
	}
	var s *btf.Struct
	if err := types.TypeByName(structure, &s); err != nil {
		t.Skip(err)
	}
	if !slices.ContainsFunc(s.Members, func(m btf.Member) bool { return m.Name == field }) {
		t.Skipf("struct %s has no %s", structure, field)
	}
}

func streamSocket(t *testing.T) int {
	t.Helper()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

func inodeOf(t *testing.T, fd int) uint64 {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		t.Fatal(err)
	}
	return st.Ino
}
