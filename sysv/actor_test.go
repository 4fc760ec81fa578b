//go:build amd64 || arm64

package sysv

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/probe/probetest"
)

// An actor is this test binary, run again as a separate process. It executes
// commands from its standard input, line by line, and answers each line with a
// number or an error.
const actorEnv = "SYSV_TEST_ACTOR"

func init() { runtime.LockOSThread() } // keeps TestMain on the main thread, whose namespaces /proc/PID/ns shows

func TestMain(m *testing.M) {
	if os.Getenv(actorEnv) == "" {
		os.Exit(probetest.Main(m))
	}
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		n, errno := act(strings.Fields(in.Text()))
		if errno != 0 {
			fmt.Println("error", errno)
			continue
		}
		fmt.Println(n)
	}
}

func act(words []string) (int, unix.Errno) {
	arg := func(i int) uintptr {
		n, _ := strconv.ParseInt(words[i], 0, 64)
		return uintptr(n)
	}
	switch words[0] {
	case "shmget": // key size
		return call(unix.SYS_SHMGET, arg(1), arg(2), unix.IPC_CREAT|0o600)
	case "shmat": // id
		_, errno := call(unix.SYS_SHMAT, arg(1), 0, 0)
		return 0, errno
	case "rmshm":
		return call(unix.SYS_SHMCTL, arg(1), unix.IPC_RMID, 0)
	case "msgget": // key
		return call(unix.SYS_MSGGET, arg(1), unix.IPC_CREAT|0o600, 0)
	case "semget": // key n
		return call(unix.SYS_SEMGET, arg(1), arg(2), unix.IPC_CREAT|0o600)
	case "sysctl": // file value, in its own namespace
		if err := os.WriteFile("/proc/sys/"+words[1], []byte(words[2]), 0); err != nil {
			return 0, unix.EIO
		}
		return 0, 0
	case "unshare":
		if err := unix.Unshare(unix.CLONE_NEWIPC); err != nil {
			return 0, err.(unix.Errno)
		}
		return 0, 0
	case "scan": // id: the segment's holders, negative if they are not complete
		s, err := probe.NewScanner(probe.Options{Probes: []probe.Probe{Shm()}}).Scan(context.Background())
		if err != nil {
			return 0, unix.EIO
		}
		for _, o := range s.Objects {
			if o.SysvID == model.Some(int(arg(1))) && o.Namespace.Inode == s.Host.Namespaces["ipc"] {
				if n := len(o.Holders); o.HoldersComplete {
					return n, 0
				} else {
					return -n - 1, 0
				}
			}
		}
		return 0, unix.ENOENT
	case "setns": // path
		fd, err := unix.Open(words[1], unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err == nil {
			err = unix.Setns(fd, unix.CLONE_NEWIPC)
			_ = unix.Close(fd)
		}
		if err != nil {
			return 0, err.(unix.Errno)
		}
		return 0, 0
	}
	return 0, unix.ENOSYS
}

func call(trap, a, b, c uintptr) (int, unix.Errno) {
	n, _, errno := unix.Syscall(trap, a, b, c)
	return int(n), errno
}

type actor struct {
	t   *testing.T
	in  io.WriteCloser
	out *bufio.Reader
	pid int32
}

func startActor(t *testing.T, clone uintptr) *actor {
	t.Helper()
	return startActorAs(t, &syscall.SysProcAttr{Cloneflags: clone})
}

func startActorAs(t *testing.T, attr *syscall.SysProcAttr) *actor {
	t.Helper()
	cmd := exec.Command("/proc/self/exe") // for users who may not enter the directory of the binary
	cmd.Env = append(os.Environ(), actorEnv+"=1", "GORACE=atexit_sleep_ms=0")
	cmd.SysProcAttr = attr
	cmd.Stderr = os.Stderr
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		_ = cmd.Wait()
	})
	return &actor{t, in, bufio.NewReader(out), int32(cmd.Process.Pid)}
}

func (a *actor) do(format string, args ...any) int {
	a.t.Helper()
	line := fmt.Sprintf(format, args...)
	if _, err := fmt.Fprintln(a.in, line); err != nil {
		a.t.Fatal(err)
	}
	reply, err := a.out.ReadString('\n')
	if err != nil {
		a.t.Fatal(err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(reply))
	if err != nil {
		a.t.Fatalf("%s: %s", line, reply)
	}
	return n
}

func (a *actor) ipc() uint64 {
	a.t.Helper()
	link, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/ipc", a.pid))
	var n uint64
	if err == nil {
		_, err = fmt.Sscanf(link, "ipc:[%d]", &n)
	}
	if err != nil {
		a.t.Fatal(err)
	}
	return n
}

// newObject makes an object and makes sure that exactly this one is removed.
func newObject(t *testing.T, get, ctl, a, b, c uintptr) int {
	t.Helper()
	id, errno := call(get, a, b, c)
	if errno != 0 {
		t.Fatal(errno)
	}
	t.Cleanup(func() {
		if ctl == unix.SYS_SEMCTL {
			call(ctl, uintptr(id), 0, unix.IPC_RMID)
		} else {
			call(ctl, uintptr(id), unix.IPC_RMID, 0)
		}
	})
	return id
}

type sembuf struct {
	num uint16
	op  int16
	flg int16
}

func semop(id int, ops ...sembuf) unix.Errno {
	_, errno := call(unix.SYS_SEMOP, uintptr(id), uintptr(unsafe.Pointer(&ops[0])), uintptr(len(ops)))
	return errno
}

type message struct {
	kind int64
	text [12]byte
}

func send(id, size int) unix.Errno {
	m := message{kind: 1}
	_, _, errno := unix.Syscall6(unix.SYS_MSGSND, uintptr(id), uintptr(unsafe.Pointer(&m)), uintptr(size), unix.IPC_NOWAIT, 0, 0)
	return errno
}
