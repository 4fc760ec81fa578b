package sockets

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/proc"
)

// diag asks the kernel for its tables of sockets (sock_diag(7), Linux 3.3). It
// sees the network namespace of the thread that made it. The first request for
// a family may make the kernel load the module that answers it.
type diag struct {
	fd  int
	seq uint32
	buf []byte
}

var (
	errNoDiag      = fmt.Errorf("sock_diag: %w: this kernel has no such table", errors.ErrUnsupported)
	errInterrupted = errors.New("sock_diag: the table changed while it was read, again and again; entries may be missing")
)

const (
	// The kernel fills at most 32 KiB at once (netlink_dump); the rest is for
	// future kernels.
	diagBuffer = 64 << 10
	// How often a table that changed meanwhile is read again.
	diagAttempts = 4
	// A kernel that does not implement the protocol properly (gVisor) must
	// not hold the scan up.
	diagPatience = 3 // seconds
)

// diagOpen is read-locked while ipctop has a sock_diag socket of its own, so that
// the netlink table can be read while there is none.
var diagOpen sync.RWMutex

// diagBuffers are buffers for receiving answers.
var diagBuffers = sync.Pool{New: func() any {
	b := make([]byte, diagBuffer)
	return &b
}}

func openDiag() (*diag, error) {
	diagOpen.RLock()
	d, err := newDiag()
	if err != nil {
		diagOpen.RUnlock()
	}
	return d, err
}

func newDiag() (*diag, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return nil, fmt.Errorf("sock_diag: socket: %w", err)
	}
	d := &diag{fd: fd, buf: *diagBuffers.Get().(*[]byte)}
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: diagPatience}); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("sock_diag: set timeout: %w", err)
	}
	return d, nil
}

func (d *diag) close() {
	_ = unix.Close(d.fd)
	diagBuffers.Put(&d.buf)
	diagOpen.RUnlock()
}

// dump sends a request and calls each for the payload of every message of the
// answer. If the kernel says that the table changed meanwhile, begin and each
// are called again from the start. errInterrupted means that the table kept
// changing, and that each was called with what could be read.
func (d *diag) dump(ctx context.Context, request []byte, begin func(), each func(payload []byte)) error {
	return d.dumpAs(ctx, unix.SOCK_DIAG_BY_FAMILY, request, begin, each)
}

// dumpAs is dump for requests of another type; answers have the same type.
func (d *diag) dumpAs(ctx context.Context, kind uint16, request []byte, begin func(), each func(payload []byte)) error {
	for range diagAttempts {
		begin()
		err := d.dumpOnce(ctx, kind, request, each)
		if err != errInterrupted {
			return err
		}
	}
	return errInterrupted
}

func (d *diag) dumpOnce(ctx context.Context, kind uint16, request []byte, each func([]byte)) error {
	d.seq++
	msg := make([]byte, unix.SizeofNlMsghdr, unix.SizeofNlMsghdr+len(request))
	ne := binary.NativeEndian
	ne.PutUint32(msg, uint32(cap(msg)))
	ne.PutUint16(msg[4:], kind)
	ne.PutUint16(msg[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	ne.PutUint32(msg[8:], d.seq)
	msg = append(msg, request...)
	if err := d.send(msg); err != nil {
		return err
	}
	interrupted := false
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		b, err := d.receive()
		if err != nil {
			return err
		}
		for m, err := range netlinkMessages(b) {
			if err != nil {
				return err
			}
			if m.seq != d.seq {
				continue // the rest of an earlier answer that was given up
			}
			interrupted = interrupted || m.flags&unix.NLM_F_DUMP_INTR != 0
			switch m.kind {
			case unix.NLMSG_ERROR, unix.NLMSG_DONE:
				if err := netlinkStatus(m); err != nil {
					return err
				}
				if interrupted {
					return errInterrupted
				}
				return nil
			case kind:
				each(m.payload)
			}
		}
	}
}

func (d *diag) send(msg []byte) error {
	for {
		err := unix.Sendto(d.fd, msg, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return fmt.Errorf("sock_diag: send: %w", err)
		}
		return nil
	}
}

func (d *diag) receive() ([]byte, error) {
	for {
		n, _, flags, from, err := unix.Recvmsg(d.fd, d.buf, nil, 0)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			return nil, fmt.Errorf("sock_diag: %w: no answer", context.DeadlineExceeded)
		case err != nil:
			return nil, fmt.Errorf("sock_diag: receive: %w", err)
		case flags&unix.MSG_TRUNC != 0:
			return nil, fmt.Errorf("sock_diag: %w: a message larger than %d bytes", proc.ErrMalformed, len(d.buf))
		}
		if a, ok := from.(*unix.SockaddrNetlink); ok && a.Pid == 0 { // from the kernel
			return d.buf[:n], nil
		}
	}
}

// netlinkStatus returns the error that ends an answer, if any.
func netlinkStatus(m netlinkMessage) error {
	if len(m.payload) < 4 {
		if m.kind == unix.NLMSG_DONE {
			return nil
		}
		return fmt.Errorf("sock_diag: %w: error message of %d bytes", proc.ErrMalformed, len(m.payload))
	}
	code := int32(binary.NativeEndian.Uint32(m.payload))
	switch {
	case code >= 0:
		return nil
	case unix.Errno(-code) == unix.ENOENT, unix.Errno(-code) == unix.EINVAL:
		return errNoDiag // no handler for the family, or none for the protocol
	}
	return fmt.Errorf("sock_diag: %w", unix.Errno(-code))
}

// netlinkMessage is one message of netlink(7). The payload is valid until the
// next read.
type netlinkMessage struct {
	kind, flags uint16
	seq         uint32
	payload     []byte
}

// netlinkMessages iterates over the messages of a datagram (netlink(7), struct
// nlmsghdr: len u32, type u16, flags u16, seq u32, pid u32). An error is
// yielded last.
func netlinkMessages(b []byte) iter.Seq2[netlinkMessage, error] {
	return func(yield func(netlinkMessage, error) bool) {
		ne := binary.NativeEndian
		for len(b) > 0 {
			if len(b) < unix.SizeofNlMsghdr {
				yield(netlinkMessage{}, fmt.Errorf("sock_diag: %w: %d bytes after the last message", proc.ErrMalformed, len(b)))
				return
			}
			size := uint64(ne.Uint32(b))
			if size < unix.SizeofNlMsghdr || size > uint64(len(b)) {
				yield(netlinkMessage{}, fmt.Errorf("sock_diag: %w: a message of %d bytes where %d remain", proc.ErrMalformed, size, len(b)))
				return
			}
			m := netlinkMessage{ne.Uint16(b[4:]), ne.Uint16(b[6:]), ne.Uint32(b[8:]), b[unix.SizeofNlMsghdr:size]}
			if !yield(m, nil) {
				return
			}
			b = b[min(aligned(int(size)), len(b)):]
		}
	}
}

// netlinkAttributes calls f for every attribute (netlink(7), struct nlattr:
// len u16, type u16). The two high bits of the type are flags.
func netlinkAttributes(b []byte, f func(kind uint16, value []byte)) error {
	const header, kindMask = 4, 0x3fff
	for len(b) >= header {
		size := int(binary.NativeEndian.Uint16(b))
		if size < header || size > len(b) {
			return fmt.Errorf("%w: an attribute of %d bytes where %d remain", proc.ErrMalformed, size, len(b))
		}
		f(binary.NativeEndian.Uint16(b[2:])&kindMask, b[header:size])
		b = b[min(aligned(size), len(b)):]
	}
	if len(b) > 0 {
		return fmt.Errorf("%w: %d bytes after the last attribute", proc.ErrMalformed, len(b))
	}
	return nil
}

// aligned rounds up to the 4 bytes on which netlink aligns.
func aligned(n int) int { return (n + 3) &^ 3 }

// u32 returns the first word of an attribute; ok is false if it has none.
func u32(b []byte) (uint32, bool) {
	if len(b) < 4 {
		return 0, false
	}
	return binary.NativeEndian.Uint32(b), true
}

// sockMeminfo has the values of SK_MEMINFO attributes (linux/sock_diag.h): how
// much memory a socket uses and may use. Linux 3.6; drops 4.7.
type sockMeminfo struct {
	known           bool
	recv, recvLimit uint32
	send, sendLimit uint32
	queued          uint32 // memory for what TCP still has to send or must keep
	drops           uint32
	hasDrops        bool
}

func parseMeminfo(b []byte) (m sockMeminfo) {
	if len(b) < 6*4 {
		return m
	}
	word := func(i int) uint32 { return binary.NativeEndian.Uint32(b[4*i:]) }
	m = sockMeminfo{known: true, recv: word(0), recvLimit: word(1), send: word(2), sendLimit: word(3), queued: word(5)}
	if len(b) >= 9*4 {
		m.drops, m.hasDrops = word(8), true
	}
	return m
}
