package remediate

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
)

func startSleep(t *testing.T) (*exec.Cmd, uint64) {
	t.Helper()
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	ticks, err := startTicksOf(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	return cmd, ticks
}

func TestSignal(t *testing.T) {
	cmd, ticks := startSleep(t)
	p, err := Hold(cmd.Process.Pid, ticks)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := p.Signal("SIGNONE"); err == nil {
		t.Error("a signal that there is not was sent")
	}
	if err := p.Signal("SIGUSR1"); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil || cmd.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGUSR1 {
		t.Errorf("it ended by %v", cmd.ProcessState)
	}
	if err := p.Signal("SIGTERM"); !errors.Is(err, unix.ESRCH) {
		t.Errorf("a process that has ended: %v", err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if err := p.Signal("SIGTERM"); !errors.Is(err, os.ErrClosed) {
		t.Errorf("let go: %v", err)
	}
}

func TestHoldRefusesAnother(t *testing.T) {
	cmd, ticks := startSleep(t)
	if _, err := Hold(cmd.Process.Pid, ticks+1); !errors.Is(err, ErrChanged) {
		t.Errorf("a process that started at another time: %v", err)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if _, err := Hold(cmd.Process.Pid, ticks); !errors.Is(err, unix.ESRCH) {
		t.Errorf("a process that has ended: %v", err)
	}
}

func TestParseStartTicks(t *testing.T) {
	tail := strings.Repeat(" 1", 18) + " 4711 99"
	for text, want := range map[string]uint64{"7 (sleep) S" + tail: 4711, "7 (a) b) c) S" + tail: 4711} {
		if got, err := parseStartTicks([]byte(text)); got != want || err != nil {
			t.Errorf("%q: %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "7 (sleep) S 1", "7 (sleep) S" + strings.Repeat(" x", 20)} {
		if n, err := parseStartTicks([]byte(text)); err == nil {
			t.Errorf("%q: %d", text, n)
		}
	}
}

func TestRemoveFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "segment")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		t.Fatal(err)
	}
	o := &model.Object{
		ID: "posix-shm:x", Kind: model.PosixShm, Path: path, Ino: model.Big(st.Ino),
		Dev: fmt.Sprintf("%d:%d", unix.Major(uint64(st.Dev)), unix.Minor(uint64(st.Dev))),
	}
	for name, spoil := range map[string]func(*model.Object){
		"another inode": func(o *model.Object) { o.Ino++ }, "another device": func(o *model.Object) { o.Dev = "0:9999" },
	} {
		other := *o
		spoil(&other)
		if err := Remove(&other); !errors.Is(err, ErrChanged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, spoil := range map[string]func(*model.Object){
		"a deleted one": func(o *model.Object) { o.Deleted = true }, "one without a path": func(o *model.Object) { o.Path = "" },
		"a pipe": func(o *model.Object) { o.Kind = model.Pipe },
	} {
		other := *o
		spoil(&other)
		if err := Remove(&other); !errors.Is(err, ErrNotRemovable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := Remove(o); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
	if err := Remove(o); !errors.Is(err, unix.ENOENT) {
		t.Errorf("removed twice: %v", err)
	}
}

func TestRemoveSysv(t *testing.T) {
	id, err := unix.SysvShmGet(unix.IPC_PRIVATE, 4096, unix.IPC_CREAT|0o600)
	if err != nil {
		t.Skipf("shmget: %v", err)
	}
	t.Cleanup(func() { _, _ = unix.SysvShmCtl(id, unix.IPC_RMID, nil) })
	ns, err := ipcNamespace()
	if err != nil {
		t.Fatal(err)
	}
	o := &model.Object{
		ID: "sysv-shm:x", Kind: model.SysvShm, SysvID: model.Some(id), Namespace: &model.Namespace{Type: "ipc", Inode: ns},
		Detail: &model.SysvShmDetail{Key: "0x00000000"},
	}
	at, err := unix.SysvShmAttach(id, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := Remove(o); !errors.Is(err, ErrInUse) {
		t.Errorf("attached: %v", err)
	}
	if err := unix.SysvShmDetach(at); err != nil {
		t.Fatal(err)
	}
	other := *o
	other.Detail = &model.SysvShmDetail{Key: "0x000004d2"}
	if err := Remove(&other); !errors.Is(err, ErrChanged) {
		t.Errorf("another key: %v", err)
	}
	other = *o
	other.Namespace = &model.Namespace{Type: "ipc", Inode: ns + 1}
	if err := Remove(&other); !errors.Is(err, ErrNotRemovable) {
		t.Errorf("another namespace: %v", err)
	}
	if err := Remove(o); err != nil {
		t.Fatal(err)
	}
	if err := Remove(o); !errors.Is(err, unix.ENOENT) {
		t.Errorf("removed twice: %v", err)
	}
}

// TestRemoveQueueAndSet: the system calls that remove the other two kinds get their arguments
// in the right order.
func TestRemoveQueueAndSet(t *testing.T) {
	ns, err := ipcNamespace()
	if err != nil {
		t.Fatal(err)
	}
	const key = 0x49504354
	for _, c := range []struct {
		kind   model.Kind
		get    []uintptr
		detail model.Detail
	}{
		{model.SysvMsg, []uintptr{unix.SYS_MSGGET, key, unix.IPC_CREAT | unix.IPC_EXCL | 0o600, 0}, &model.SysvMsgDetail{Key: "0x49504354"}},
		{model.SysvSem, []uintptr{unix.SYS_SEMGET, key, 1, unix.IPC_CREAT | unix.IPC_EXCL | 0o600}, &model.SysvSemDetail{Key: "0x49504354"}},
	} {
		id, _, errno := unix.Syscall(c.get[0], c.get[1], c.get[2], c.get[3])
		if errno != 0 {
			t.Errorf("%s: %v", c.kind, errno)
			continue
		}
		o := &model.Object{
			ID: string(c.kind) + ":x", Kind: c.kind, SysvID: model.Some(int(id)), Namespace: &model.Namespace{Type: "ipc", Inode: ns}, Detail: c.detail,
		}
		if err := Remove(o); err != nil {
			t.Error(err)
			_ = sysvTableOf(c.kind).remove(int(id))
		}
		if err := Remove(o); !errors.Is(err, unix.ENOENT) {
			t.Errorf("%s removed twice: %v", c.kind, err)
		}
	}
}

// TestRemoveQueue: a POSIX message queue is removed by its name, but not another queue that
// has the name now.
func TestRemoveQueue(t *testing.T) {
	name := fmt.Sprintf("ipctop-test-%d", os.Getpid())
	p, err := unix.BytePtrFromString(name)
	if err != nil {
		t.Fatal(err)
	}
	fd, _, errno := unix.Syscall6(unix.SYS_MQ_OPEN, uintptr(unsafe.Pointer(p)), unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o600, 0, 0, 0)
	if errno != 0 {
		t.Skipf("mq_open: %v", errno)
	}
	t.Cleanup(func() {
		_, _, _ = unix.Syscall(unix.SYS_MQ_UNLINK, uintptr(unsafe.Pointer(p)), 0, 0)
		_ = unix.Close(int(fd))
	})
	var st unix.Stat_t
	if err := unix.Fstat(int(fd), &st); err != nil {
		t.Fatal(err)
	}
	o := &model.Object{ID: "posix-mq:x", Kind: model.PosixMq, Name: "/" + name, Ino: model.Big(st.Ino)}
	for text, c := range map[string]struct {
		change func(*model.Object)
		want   error
	}{
		"another inode":     {func(o *model.Object) { o.Ino++ }, ErrChanged},
		"another device":    {func(o *model.Object) { o.Dev = "0:9999" }, ErrChanged},
		"a deleted one":     {func(o *model.Object) { o.Deleted = true }, ErrNotRemovable},
		"another namespace": {func(o *model.Object) { o.Namespace = &model.Namespace{Type: "ipc", Inode: 1} }, ErrNotRemovable},
	} {
		other := *o
		c.change(&other)
		if err := Remove(&other); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", text, err, c.want)
		}
	}
	if err := Remove(o); err != nil {
		t.Fatal(err)
	}
	if err := Remove(o); !errors.Is(err, unix.ENOENT) {
		t.Errorf("removed twice: %v", err)
	}
}
