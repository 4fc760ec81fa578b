package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// fuseServer is a file system (fuse(4)) with a file, a directory and nothing
// else, that can stop answering. It never answers a read.
type fuseServer struct {
	dir   string
	fd    int
	hung  atomic.Bool
	reads atomic.Int32 // reads it was asked for
	end   func()       // frees everyone who waits for it, and unmounts
}

const (
	fuseRoot = 1 + iota
	fuseFile
	fuseDir
)

// mountFUSE mounts such a file system until the test ends. Whatever waits for it
// then is freed first, also if the test failed.
func mountFUSE(t *testing.T) *fuseServer {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mounting needs CAP_SYS_ADMIN")
	}
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Skipf("no FUSE here: /dev/fuse: %v", err)
	}
	s := &fuseServer{dir: t.TempDir(), fd: fd}
	if err := unix.Mount("ipctop-test", s.dir, "fuse", unix.MS_NOSUID|unix.MS_NODEV, fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0", fd)); err != nil {
		_ = unix.Close(fd)
		t.Skipf("no FUSE here: mount: %v", err)
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		s.serve(stop)
		close(stopped)
	}()
	s.end = sync.OnceFunc(func() {
		close(stop)
		<-stopped
		// Either of these alone ends the connection and frees all that wait.
		if err := unix.Unmount(s.dir, unix.MNT_FORCE|unix.MNT_DETACH); err != nil && err != unix.EINVAL {
			t.Errorf("unmount: %v", err)
		}
		_ = unix.Close(fd)
	})
	t.Cleanup(s.end)
	return s
}

func (s *fuseServer) serve(stop chan struct{}) {
	buf := make([]byte, 256<<10)
	for {
		select {
		case <-stop:
			return
		default:
		}
		if s.hung.Load() {
			time.Sleep(time.Millisecond)
			continue
		}
		poll := []unix.PollFd{{Fd: int32(s.fd), Events: unix.POLLIN}}
		if n, err := unix.Poll(poll, 10); n == 0 || err != nil {
			continue
		}
		if n, err := unix.Read(s.fd, buf); err == nil && !s.hung.Load() {
			s.answer(buf[:n])
		}
	}
}

// answer answers one request: struct fuse_in_header {u32 len, opcode; u64 unique,
// nodeid; …} of include/uapi/linux/fuse.h, 40 bytes, then what the call needs.
func (s *fuseServer) answer(request []byte) {
	le := binary.NativeEndian
	unique, node := le.Uint64(request[8:]), le.Uint64(request[16:])
	var out []byte
	var errno unix.Errno
	switch le.Uint32(request[4:]) {
	case 26: // INIT: major, minor, …
		out = make([]byte, 64)
		le.PutUint32(out, 7)
		le.PutUint32(out[4:], 31)
		le.PutUint32(out[20:], 4096) // max_write
	case 1: // LOOKUP
		switch name := unix.ByteSliceToString(request[40:]); name {
		case "file":
			node = fuseFile
		case "dir":
			node = fuseDir
		default:
			errno = unix.ENOENT
		}
		out = make([]byte, 40, 128)
		le.PutUint64(out, node)
		out = append(out, fuseAttr(node)...)
	case 3: // GETATTR
		out = append(make([]byte, 16, 104), fuseAttr(node)...)
	case 14, 27: // OPEN, OPENDIR
		out = make([]byte, 16)
	case 15: // READ
		s.reads.Add(1)
		return
	case 2, 36, 42: // FORGET, INTERRUPT, BATCH_FORGET want no answer
		return
	case 18, 25, 29: // FLUSH, RELEASE, RELEASEDIR
	default:
		errno = unix.ENOSYS
	}
	if errno != 0 {
		out = nil
	}
	head := make([]byte, 16, 16+len(out)) // struct fuse_out_header
	le.PutUint32(head, uint32(cap(head)))
	le.PutUint32(head[4:], uint32(-int32(errno)))
	le.PutUint64(head[8:], unique)
	_, _ = unix.Write(s.fd, append(head, out...))
}

// fuseAttr is struct fuse_attr, 88 bytes.
func fuseAttr(node uint64) []byte {
	b := make([]byte, 88)
	mode := uint32(unix.S_IFDIR | 0o755)
	if node == fuseFile {
		mode = unix.S_IFREG | 0o644
	}
	le := binary.NativeEndian
	le.PutUint64(b, node)
	le.PutUint64(b[8:], 1<<20)
	le.PutUint32(b[60:], mode)
	le.PutUint32(b[64:], 1)
	return b
}
