package fdscan_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/fdscan/events"
	"github.com/ipctop/ipctop/fdscan/memory"
	"github.com/ipctop/ipctop/fdscan/pipes"
	"github.com/ipctop/ipctop/fdscan/sockets"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/probe/probetest"
)

// scanKept scans with the readers of objects that can exist without a descriptor.
func scanKept(t *testing.T) *model.Snapshot {
	t.Helper()
	snap, err := probe.NewScanner(probe.Options{Probes: []probe.Probe{
		pipes.Pipe(), sockets.Unix(), sockets.Packet(), events.IOUring(), memory.ShmAnon(),
	}}).Scan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return snap
}

// viasOf reports in which ways this process holds the object with an inode.
func viasOf(t *testing.T, snap *model.Snapshot, kind model.Kind, ino uint64) []model.Via {
	t.Helper()
	var vias []model.Via
	for i := range snap.Objects {
		o := snap.Objects[i]
		if o.Kind != kind || uint64(o.Ino) != ino {
			continue
		}
		for _, h := range o.Holders {
			if int(h.PID) == os.Getpid() && !slices.Contains(vias, h.Via) {
				vias = append(vias, h.Via)
			}
		}
	}
	return vias
}

func inodeOf(t *testing.T, fd int) uint64 {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		t.Fatal(err)
	}
	return st.Ino
}

// TestHeldByMapping: rings of packet sockets and of io_uring outlive their descriptors.
func TestHeldByMapping(t *testing.T) {
	mapped := func(fd, size int) {
		b, err := unix.Mmap(fd, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		if err != nil {
			t.Skipf("map a ring: %v", err)
		}
		t.Cleanup(func() { _ = unix.Munmap(b) })
		if err := unix.Close(fd); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("packet", func(t *testing.T) {
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Skipf("needs CAP_NET_RAW: %v", err)
		}
		ino := inodeOf(t, fd)
		ring := unix.TpacketReq{Block_size: 4096, Block_nr: 1, Frame_size: 2048, Frame_nr: 2}
		if err := unix.SetsockoptTpacketReq(fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &ring); err != nil {
			t.Fatal(err)
		}
		mapped(fd, 4096)
		if got := viasOf(t, scanKept(t), model.Packet, ino); !slices.Equal(got, []model.Via{model.ViaMap}) {
			t.Errorf("held by %q", got)
		}
	})
	t.Run("io_uring", func(t *testing.T) {
		var params [120]byte // struct io_uring_params
		fd, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, 8, uintptr(unsafe.Pointer(&params)), 0)
		if errno != 0 {
			t.Skipf("needs io_uring: %v", errno)
		}
		ino := inodeOf(t, int(fd))
		mapped(int(fd), 4096)
		snap := scanKept(t)
		if got := viasOf(t, snap, model.IOUring, ino); !slices.Equal(got, []model.Via{model.ViaMap}) {
			t.Errorf("held by %q", got)
		}
		for i := range snap.Objects {
			if o := snap.Objects[i]; o.Kind == model.Pipe && o.HoldersComplete {
				t.Errorf("%s may be registered with the ring, and its holders are complete", o.ID)
			}
		}
	})
}

// TestAnonymousMemoryByDescriptor opens shared anonymous memory through map_files.
func TestAnonymousMemoryByDescriptor(t *testing.T) {
	b, err := unix.Mmap(-1, 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_ANON)
	if err != nil {
		t.Fatal(err)
	}
	start := uintptr(unsafe.Pointer(&b[0]))
	fd, err := unix.Open(fmt.Sprintf("/proc/self/map_files/%x-%x", start, start+uintptr(len(b))), unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skipf("needs CAP_CHECKPOINT_RESTORE: %v", err)
	}
	defer unix.Close(fd)
	ino := inodeOf(t, fd)
	if got := viasOf(t, scanKept(t), model.ShmAnon, ino); !slices.Contains(got, model.ViaFD) || !slices.Contains(got, model.ViaMap) {
		t.Errorf("held by %q", got)
	}
	if err := unix.Munmap(b); err != nil {
		t.Fatal(err)
	}
	if got := viasOf(t, scanKept(t), model.ShmAnon, ino); !slices.Equal(got, []model.Via{model.ViaFD}) {
		t.Errorf("without the mapping: held by %q", got)
	}
}

// TestEndInFlight sends the read end of a pipe: no process shows it, but it exists.
func TestEndInFlight(t *testing.T) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pair[1])
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(p[1])
	ino := inodeOf(t, p[1])
	if err := unix.Sendmsg(pair[0], []byte("x"), unix.UnixRights(p[0]), nil, 0); err != nil {
		t.Fatal(err)
	}
	if err := unix.Close(p[0]); err != nil {
		t.Fatal(err)
	}
	snap := scanKept(t)
	i := slices.IndexFunc(snap.Objects, func(o *model.Object) bool { return o.Kind == model.Pipe && uint64(o.Ino) == ino })
	if i < 0 || snap.Objects[i].HoldersComplete {
		t.Errorf("the pipe's holders are complete, or it is missing (%d)", i)
	}
	_ = unix.Close(pair[0])
}

// TestEndRegistered: the end of a FIFO that no process shows is registered with an io_uring,
// and the kernel tells its path.
func TestEndRegistered(t *testing.T) {
	var params [120]byte // struct io_uring_params
	ring, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, 8, uintptr(unsafe.Pointer(&params)), 0)
	if errno != 0 {
		t.Skipf("needs io_uring: %v", errno)
	}
	defer unix.Close(int(ring))
	path := filepath.Join(t.TempDir(), "a fifo")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	r, err1 := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	w, err2 := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(r)
	const registerFiles = 2
	files := [1]int32{int32(w)}
	if _, _, errno := unix.Syscall6(unix.SYS_IO_URING_REGISTER, ring, registerFiles, uintptr(unsafe.Pointer(&files)), 1, 0, 0); errno != 0 {
		t.Fatal(errno)
	}
	if err := unix.Close(w); err != nil {
		t.Fatal(err)
	}
	snap := probetest.Scan(t, pipes.FIFO(), events.IOUring())
	if o, _ := behind(t, snap, os.Getpid(), int(ring)); len(o.Detail.(*model.IOUringDetail).Files) != 1 || o.Detail.(*model.IOUringDetail).Files[0].Name != path {
		t.Skipf("this kernel shows no paths: %+v", o.Detail)
	}
	if got := viasOf(t, snap, model.FIFO, inodeOf(t, r)); !slices.Contains(got, model.ViaFD) || !slices.Contains(got, model.ViaRegistered) {
		t.Errorf("held by %q", got)
	}
}
