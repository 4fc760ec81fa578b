package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// fuseEnv makes the test binary the server of a file system (fuse(4)) with only a file, a directory
// and a FIFO, mounted at the directory in its value. It never answers a read; after the line "hang"
// on its standard input it answers nothing. When its input ends, or after half a minute, it ends
// itself. It has the only descriptor of the connection, so that the connection ends with it, and all
// waiting processes are released. It never uses the file system itself, so nothing can block its end.
const fuseEnv = "IPCTOP_TEST_FUSE"

const (
	fuseRoot = 1 + iota
	fuseFile
	fuseDir
	fuseFIFO
)

func serveFUSE(dir string) {
	cannot := func(what string, err error) {
		if err != nil {
			fmt.Println("no FUSE here:", what, err)
			os.Exit(0)
		}
	}
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	cannot("open", err)
	end := sync.OnceFunc(func() {
		_ = unix.Unmount(dir, unix.MNT_FORCE|unix.MNT_DETACH)
		os.Exit(0)
	})
	time.AfterFunc(30*time.Second, end)
	cannot("mount", unix.Mount("ipctop-test", dir, "fuse", unix.MS_NOSUID|unix.MS_NODEV, fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0", fd)))
	var hung atomic.Bool
	go func() {
		lines := bufio.NewScanner(os.Stdin)
		for lines.Scan() {
			hung.Store(true)
			fmt.Println("hung")
		}
		end()
	}()
	fmt.Println("ready")
	buf := make([]byte, 256<<10)
	for {
		if hung.Load() {
			time.Sleep(time.Millisecond)
			continue
		}
		poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		if n, err := unix.Poll(poll, 10); n == 0 || err != nil {
			continue
		}
		if n, err := unix.Read(fd, buf); err == nil && !hung.Load() {
			answerFUSE(fd, buf[:n])
		}
	}
}

// fuseServer is such a file system, mounted.
type fuseServer struct {
	t   *testing.T
	dir string
	pid int
	in  io.WriteCloser
	out *bufio.Reader
	end func() // releases all processes that wait for it, and unmounts it
}

// mountFUSE mounts such a file system until the test ends.
func mountFUSE(t *testing.T) *fuseServer {
	t.Helper()
	s := &fuseServer{t: t, dir: t.TempDir()}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), fuseEnv+"="+s.dir)
	var err error
	if s.in, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.pid, s.out = cmd.Process.Pid, bufio.NewReader(out)
	s.end = sync.OnceFunc(func() {
		s.in.Close()
		_ = cmd.Wait()
		_ = unix.Unmount(s.dir, unix.MNT_DETACH) // if the server was killed
	})
	t.Cleanup(s.end)
	if line, _ := s.out.ReadString('\n'); line != "ready\n" {
		t.Skip(strings.TrimSpace(line))
	}
	return s
}

// hang stops it from answering.
func (s *fuseServer) hang() {
	s.t.Helper()
	_, _ = io.WriteString(s.in, "hang\n")
	if line, _ := s.out.ReadString('\n'); line != "hung\n" {
		s.t.Fatalf("the server says %q", line)
	}
}

// answerFUSE answers one request: struct fuse_in_header {u32 len, opcode; u64 unique,
// nodeid; …} of include/uapi/linux/fuse.h, 40 bytes, then what the call needs.
func answerFUSE(fd int, request []byte) {
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
		case "fifo":
			node = fuseFIFO
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
		le.PutUint32(out[8:], 2) // FOPEN_KEEP_CACHE: otherwise a second open of the file waits for the page that the first one waits for
	case 15: // READ
		return
	case 40: // POLL: always ready
		out = make([]byte, 8)
		le.PutUint32(out, unix.POLLIN)
	case 2, 36, 42: // FORGET, INTERRUPT, BATCH_FORGET have no answer
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
	_, _ = unix.Write(fd, append(head, out...))
}

// fuseAttr is struct fuse_attr, 88 bytes.
func fuseAttr(node uint64) []byte {
	b := make([]byte, 88)
	mode := uint32(unix.S_IFDIR | 0o755)
	switch node {
	case fuseFile:
		mode = unix.S_IFREG | 0o644
	case fuseFIFO:
		mode = unix.S_IFIFO | 0o644
	}
	le := binary.NativeEndian
	le.PutUint64(b, node)
	le.PutUint64(b[8:], 1<<20)
	le.PutUint32(b[60:], mode)
	le.PutUint32(b[64:], 1)
	return b
}
