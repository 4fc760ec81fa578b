package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/leak"
	"github.com/ipctop/ipctop/model"
)

// leakEnv makes the test binary a command that leaves one object of each kind behind.
const leakEnv = "IPCTOP_TEST_LEAK"

// leaked is what it left, as reported by itself.
type leaked struct {
	Shm, Msg, Sem, Child        int
	Queue, Memory, FIFO, Socket string
}

// leaveLeaks leaves objects behind: its own, and those of a child that has ended.
func leaveLeaks(where string) {
	must := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(9)
		}
	}
	const private, perm = 0, 0o600
	get := func(number, a, b uintptr) int {
		id, _, errno := unix.Syscall(number, private, a, b)
		if errno != 0 {
			must(errno)
		}
		return int(id)
	}
	name := "ipctop-run-" + strconv.Itoa(os.Getpid())
	l := leaked{
		Shm: get(unix.SYS_SHMGET, 4096, perm), Msg: get(unix.SYS_MSGGET, perm, 0), Sem: get(unix.SYS_SEMGET, 1, perm),
		Queue: "/" + name, Memory: "/dev/shm/" + name, FIFO: filepath.Join(where, "fifo"), Socket: filepath.Join(where, "socket"),
	}
	queue, err := unix.BytePtrFromString(name)
	must(err)
	if _, _, errno := unix.Syscall6(unix.SYS_MQ_OPEN, uintptr(unsafe.Pointer(queue)), unix.O_CREAT|unix.O_RDWR, perm, 0, 0, 0); errno != 0 {
		must(errno)
	}
	must(os.WriteFile(l.Memory, make([]byte, 8192), perm))
	must(unix.Mkfifo(l.FIFO, perm))
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	must(err)
	must(unix.Bind(fd, &unix.SockaddrUnix{Name: l.Socket}))
	child := exec.Command("sleep", "60")
	must(child.Start())
	l.Child = child.Process.Pid
	must(json.NewEncoder(os.Stdout).Encode(l))
	os.Exit(0)
}

// ipctopRun runs the test binary as ipctop run, with files for its output: processes that
// are left behind may keep them open.
func ipctopRun(t *testing.T, env []string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe, append([]string{"run"}, args...)...)
	cmd.Env = append(os.Environ(), mainEnv+"=1")
	cmd.Env = append(cmd.Env, env...)
	dir := t.TempDir()
	out, errs := create(t, filepath.Join(dir, "out")), create(t, filepath.Join(dir, "err"))
	cmd.Stdout, cmd.Stderr = out, errs
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), content(t, out), content(t, errs)
}

func create(t *testing.T, name string) *os.File {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func content(t *testing.T, f *os.File) string {
	t.Helper()
	b, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// remove removes everything that was left.
func (l *leaked) remove() {
	if l.Child > 0 {
		_ = syscall.Kill(l.Child, syscall.SIGKILL)
	}
	_, _, _ = unix.Syscall(unix.SYS_SHMCTL, uintptr(l.Shm), unix.IPC_RMID, 0)
	_, _, _ = unix.Syscall(unix.SYS_MSGCTL, uintptr(l.Msg), unix.IPC_RMID, 0)
	_, _, _ = unix.Syscall6(unix.SYS_SEMCTL, uintptr(l.Sem), 0, unix.IPC_RMID, 0, 0, 0)
	if queue, err := unix.BytePtrFromString(strings.TrimPrefix(l.Queue, "/")); err == nil {
		_, _, _ = unix.Syscall(unix.SYS_MQ_UNLINK, uintptr(unsafe.Pointer(queue)), 0, 0)
	}
	_ = os.Remove(l.Memory)
}

func leakSomething(t *testing.T, args ...string) (int, *leaked, *leak.Report) {
	t.Helper()
	where, report := t.TempDir(), filepath.Join(t.TempDir(), "report")
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	args = append(args, "--json", "--report", report, "--", "env", "-u", mainEnv, leakEnv+"="+where, exe)
	status, stdout, stderr := ipctopRun(t, []string{"TMPDIR=" + filepath.Dir(where)}, args...)
	l, r := new(leaked), new(leak.Report)
	if err := json.Unmarshal([]byte(stdout), l); err != nil {
		t.Fatalf("status %d, %q: %v\n%s", status, stdout, err, stderr)
	}
	t.Cleanup(l.remove)
	b, err := os.ReadFile(report)
	if err == nil {
		err = model.UnmarshalRecord(b, r)
	}
	if err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	return status, l, r
}

func TestRunFindsLeaks(t *testing.T) {
	status, l, r := leakSomething(t, "--fail-on", "leak")
	if status != exitFindings || r.Status != 0 {
		t.Errorf("exit status %d, the command's %d", status, r.Status)
	}
	for _, want := range []struct {
		kind       model.Kind
		id, name   string
		pid        int
		confidence []model.Confidence
	}{
		{kind: "process", name: "sleep", pid: l.Child, confidence: []model.Confidence{model.Certain}},
		{kind: model.SysvShm, id: fmt.Sprint("sysv-shm:", l.Shm), pid: r.PID, confidence: []model.Confidence{model.Certain}},
		{kind: model.SysvMsg, id: fmt.Sprint("sysv-msg:", l.Msg), confidence: []model.Confidence{model.Possible}},
		{kind: model.SysvSem, id: fmt.Sprint("sysv-sem:", l.Sem), confidence: []model.Confidence{model.Possible}},
		{kind: model.PosixMq, name: l.Queue, confidence: []model.Confidence{model.Certain, model.Likely}},
		{kind: model.PosixShm, name: "/" + filepath.Base(l.Memory), confidence: []model.Confidence{model.Certain, model.Likely}},
		{kind: model.FIFO, name: l.FIFO, confidence: []model.Confidence{model.Likely}},
		{kind: model.Unix, name: l.Socket, confidence: []model.Confidence{model.Likely}},
	} {
		if want.kind == model.PosixMq && os.Geteuid() != 0 && !mqueueMounted() {
			continue // queues are found through their file system, which only root may mount
		}
		found := false
		for _, thing := range r.Left {
			if thing.Kind != want.kind || want.id != "" && thing.ID != want.id || want.name != "" && thing.Name != want.name {
				continue
			}
			found = true
			sure := false
			for _, c := range want.confidence {
				sure = sure || thing.Confidence == c
			}
			if !sure || want.pid != 0 && thing.PID != want.pid || thing.Why == "" {
				t.Errorf("want %+v, have %+v", want, thing)
			}
			if (len(thing.Remove) > 0) == (want.kind == "process" || want.kind == model.PosixMq) {
				t.Errorf("%s: removed by %q", want.kind, thing.Remove)
			}
		}
		if !found {
			t.Errorf("%+v is missing in %+v", want, r.Left)
		}
	}
}

// In its own namespace, everything belongs to the command, and nothing stays.
func TestRunIsolated(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("making an IPC namespace needs root")
	}
	status, _, r := leakSomething(t, "--isolate", "--fail-on", "certain")
	if status != exitFindings || !r.Isolated {
		t.Errorf("exit status %d, isolated %v", status, r.Isolated)
	}
	seen := map[model.Kind]bool{}
	for _, thing := range r.Left {
		switch thing.Kind {
		case model.SysvShm, model.SysvMsg, model.SysvSem, model.PosixMq:
			seen[thing.Kind] = true
			if thing.Confidence != model.Certain || thing.Remove != nil {
				t.Errorf("%+v", thing)
			}
		}
	}
	if len(seen) != 4 {
		t.Errorf("seen %v in %+v", seen, r.Left)
	}
}

func TestRunClean(t *testing.T) {
	status, stdout, stderr := ipctopRun(t, nil, "--fail-on", "certain", "--", "sh", "-c", "sleep 0.1 & echo out; echo err >&2; wait; exit 7")
	if status != 7 || stdout != "out\n" || !strings.HasPrefix(stderr, "err\n") {
		t.Errorf("status %d, %q, %q", status, stdout, stderr)
	}
	if strings.Contains(stderr, "certain") || strings.Contains(stderr, "process") {
		t.Errorf("left something: %s", stderr)
	}
}

func TestRunStatus(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "text"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{"-q", "--", "sh", "-c", "kill -9 $$"}, 128 + 9, ""},
		{[]string{"--", "/nonexistent/cmd"}, 127, "cannot run /nonexistent/cmd: no such file"},
		{[]string{"--", "no-such-command-here"}, 127, "cannot run no-such-command-here: executable file not found"},
		{[]string{"--", filepath.Join(dir, "text")}, 126, "permission denied"},
		{[]string{"-q", "--json", "--", "true"}, exitUsage, "--quiet"},
		{[]string{"--fail-on", "x", "--", "true"}, exitUsage, "--fail-on"},
		{nil, exitUsage, "name the command"},
		{[]string{"-q", "sh", "-c", "exit 3"}, 3, ""},
	} {
		status, stdout, stderr := ipctopRun(t, nil, test.args...)
		if status != test.status || stdout != "" || !strings.Contains(stderr, test.says) || test.says == "" && stderr != "" {
			t.Errorf("run %q: status %d, %q, %q", test.args, status, stdout, stderr)
		}
	}
}

func TestRunPassesSignalsOn(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, "run", "--", "sh", "-c", "trap 'echo got it; exit 5' TERM; echo ready; while :; do sleep 0.05; done")
	cmd.Env = append(os.Environ(), mainEnv+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	out := create(t, filepath.Join(t.TempDir(), "out"))
	var errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = out, &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); !strings.Contains(content(t, out), "ready"); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the command did not get ready")
		}
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if status := cmd.ProcessState.ExitCode(); status != 5 || content(t, out) != "ready\ngot it\n" || !strings.Contains(errs.String(), "ipctop: sh(") {
		t.Errorf("status %d, %q, %q", status, content(t, out), errs.String())
	}
}

// mqueueMounted reports whether /dev/mqueue is the mount that mq_overview(7) describes, and not
// only a directory.
func mqueueMounted() bool {
	const mqueueMagic = 0x19800202
	var fs unix.Statfs_t
	return unix.Statfs("/dev/mqueue", &fs) == nil && fs.Type == mqueueMagic
}
