package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/probe"
)

// nobody is a user without any privilege.
const nobody = 65534

// privileges are the ways in which a program's file can give it more rights than its user has.
var privileges = []struct {
	name string
	give func(t *testing.T, program string)
}{
	{"file capabilities", func(t *testing.T, program string) {
		t.Helper()
		// struct vfs_cap_data: revision 2 and in effect, then permitted and inheritable.
		const revision, effective = 0x02000000, 1
		permitted := uint32(1<<unix.CAP_SYS_PTRACE | 1<<unix.CAP_DAC_READ_SEARCH | 1<<unix.CAP_SYS_ADMIN | 1<<unix.CAP_IPC_OWNER)
		var value []byte
		for _, v := range []uint32{revision | effective, permitted, 0, 0, 0} {
			value = binary.LittleEndian.AppendUint32(value, v)
		}
		if err := unix.Setxattr(program, "security.capability", value, 0); err != nil {
			t.Skipf("no file capabilities on %s: %v", program, err)
		}
	}},
	{"set-user-ID", func(t *testing.T, program string) {
		t.Helper()
		var st unix.Statfs_t
		if err := unix.Statfs(program, &st); err != nil || st.Flags&unix.ST_NOSUID != 0 {
			t.Skipf("%s is mounted nosuid, or statfs fails (%v)", program, err)
		}
		if err := os.Chmod(program, 0o755|os.ModeSetuid); err != nil {
			t.Fatal(err)
		}
	}},
}

// privilegedCopy is a copy of this program with more rights than its user, in a place where
// nobody can start it. It also returns a directory to which nobody may write.
func privilegedCopy(t *testing.T, give func(t *testing.T, program string)) (program, dir string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("giving a file capabilities or the set-user-ID bit needs root")
	}
	dir, err := os.MkdirTemp("/var/tmp", "ipctop-test-")
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(exe)
	if err != nil {
		t.Fatal(err)
	}
	program = filepath.Join(dir, "ipctop")
	if err := os.WriteFile(program, b, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(dir, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	give(t, program)
	return program, dir
}

// asNobody runs a program as nobody, with the given arguments.
func asNobody(t *testing.T, program string, stdin io.Reader, env []string, args ...string) (status int, out string) {
	t.Helper()
	return runAsNobody(t, exec.Command(program, args...), program, stdin, env)
}

// asHelper is like asNobody, under the name of ipctop's helper process.
func asHelper(t *testing.T, program string, stdin io.Reader) (status int, out string) {
	t.Helper()
	return runAsNobody(t, &exec.Cmd{Path: program, Args: []string{probe.HelperName}}, program, stdin, nil)
}

func runAsNobody(t *testing.T, cmd *exec.Cmd, program string, stdin io.Reader, env []string) (status int, out string) {
	t.Helper()
	cmd.Dir = filepath.Dir(program)
	cmd.Env = append([]string{mainEnv + "=1", "PATH=" + os.Getenv("PATH")}, env...)
	cmd.Stdin = stdin
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	var all bytes.Buffer
	cmd.Stdout, cmd.Stderr = &all, &all
	_ = cmd.Run()
	if cmd.ProcessState == nil {
		t.Skip("nobody cannot start a program here")
	}
	return cmd.ProcessState.ExitCode(), all.String()
}

// A file that a user names is opened with the user's rights, whatever rights the program's file gives.
func TestPrivilegedProgramOpensFilesAsUser(t *testing.T) {
	for _, p := range privileges {
		t.Run(p.name, func(t *testing.T) { opensFilesAsUser(t, p.give) })
	}
}

func opensFilesAsUser(t *testing.T, give func(t *testing.T, program string)) {
	program, dir := privilegedCopy(t, give)
	const secret = "topsecret = 4711"
	hidden := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(hidden, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	closed := filepath.Join(dir, "closed") // nobody may list it but not write to it
	if err := os.Mkdir(closed, 0o755); err != nil {
		t.Fatal(err)
	}
	makeForgedProc(t, filepath.Join(dir, "proc"), hidden)
	if err := os.MkdirAll(filepath.Join(dir, "config", "ipctop"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(hidden, filepath.Join(dir, "config", "ipctop", "config.toml")); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		env  []string
		args []string
		want string
	}{
		{"procfs", nil, []string{"--procfs", filepath.Join(dir, "proc"), "dump"}, "is not a proc file system"},
		{"doctor", nil, []string{"--procfs", filepath.Join(dir, "proc"), "doctor"}, "is not a proc file system"},
		{"from", nil, []string{"--from", hidden, "dump"}, "permission denied"},
		{"history", nil, []string{"check", "--history", hidden}, "permission denied"},
		{"diff", nil, []string{"diff", hidden, hidden}, "permission denied"},
		{"replay", nil, []string{"replay", hidden}, "permission denied"},
		{"why of a file", nil, []string{"--from", hidden, "why"}, "permission denied"},
		{"postmortem", nil, []string{"postmortem", hidden}, "permission denied"},
		{"record", nil, []string{"record", "--for", "1ms", hidden}, "permission denied"},
		{"record elsewhere", nil, []string{"record", "--for", "1ms", filepath.Join(filepath.Dir(hidden), "new")}, "permission denied"},
		{"man", nil, []string{"man", closed}, "permission denied"},
		{"report", nil, []string{"report", "-o", filepath.Join(closed, "new")}, "permission denied"},
		{"config", []string{"XDG_CONFIG_HOME=" + filepath.Join(dir, "config")}, []string{"-b", "-n", "1"}, "permission denied"},
		{"run", nil, []string{"run", "--", "true"}, "starts a program that the user names"},
		{"fixtures", nil, []string{"fixtures", "--for", "1ms", "pipe"}, "more rights than their user"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, out := asNobody(t, program, nil, tt.env, tt.args...)
			if status == exitOK || !strings.Contains(out, tt.want) || strings.Contains(out, "topsecret") {
				t.Errorf("status %d, output %.500s", status, out)
			}
		})
	}
	if entries, err := os.ReadDir(closed); err != nil || len(entries) > 0 {
		t.Errorf("files were made where nobody may not write: %v (%v)", entries, err)
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(hidden), "new")); err == nil {
		t.Error("a recording was made where nobody may not write")
	}
}

// makeForgedProc makes a directory that looks like a proc file system with one process,
// whose command line is another file.
func makeForgedProc(t *testing.T, dir, cmdline string) {
	t.Helper()
	if err := os.MkdirAll(dir+"/1/fd", 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"stat":   "btime 1\n",
		"1/stat": "1 (init) S 0 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 1 0 0\n", "1/status": "Name:\tinit\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(cmdline, dir+"/1/cmdline"); err != nil {
		t.Fatal(err)
	}
}

// The helper's name does not make a program with more rights than its user the helper: it
// would answer questions about pipes that the user may not have.
func TestPrivilegedProgramIsNobodysHelper(t *testing.T) {
	for _, p := range privileges {
		t.Run(p.name, func(t *testing.T) { isNobodysHelper(t, p.give) })
	}
}

func isNobodysHelper(t *testing.T, give func(t *testing.T, program string)) {
	program, _ := privilegedCopy(t, give)
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pipe[0])
	defer unix.Close(pipe[1])
	var st unix.Stat_t
	if err := unix.Fstat(pipe[0], &st); err != nil {
		t.Fatal(err)
	}
	ne := binary.NativeEndian
	question := ne.AppendUint64(nil, 40)
	question = ne.AppendUint32(question, 0)
	question = ne.AppendUint32(question, uint32(os.Getpid()))
	question = ne.AppendUint32(question, uint32(pipe[0]))
	question = ne.AppendUint32(question, 0)
	question = ne.AppendUint64(question, 0)
	question = ne.AppendUint64(question, st.Ino)
	question = ne.AppendUint64(question, 0)

	t.Run("over a pipe", func(t *testing.T) {
		if status, out := asHelper(t, program, bytes.NewReader(question)); status != exitFailed || out != "" {
			t.Errorf("status %d, output %.300q", status, out)
		}
	})
	t.Run("over a socket", func(t *testing.T) {
		fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		own, theirs := os.NewFile(uintptr(fds[0]), "own"), os.NewFile(uintptr(fds[1]), "theirs")
		defer own.Close()
		if _, err := own.Write(question); err != nil {
			t.Fatal(err)
		}
		if status, out := asHelper(t, program, theirs); status != exitFailed || out != "" {
			t.Errorf("status %d, output %q", status, out)
		}
		theirs.Close()
		if b, _ := io.ReadAll(own); len(b) > 0 {
			t.Errorf("it answered %q", b)
		}
	})
	// ipctop's own helper must work: otherwise a gap would say that ipctop itself asks the pipes.
	if _, err := unix.Write(pipe[1], []byte("abc")); err != nil {
		t.Fatal(err)
	}
	status, out := asNobody(t, program, nil, nil, "dump", "-k", "pipe", "--source", "procfs", "--json")
	if strings.Contains(out, "asked by ipctop itself") {
		t.Error("the helper process does not start")
	}
	if want := `"id":"pipe:` + strconv.FormatUint(st.Ino, 10) + `"`; status != exitOK || !strings.Contains(out, `"queued":3`) || !strings.Contains(strings.ReplaceAll(out, " ", ""), want) {
		t.Errorf("status %d, %s or its 3 bytes are not in %.300s", status, want, out)
	}
}

// The helper of a program with more rights than its user has duplicates of descriptors that
// the user must not get. The user can neither inspect the helper nor keep it stopped.
func TestPrivilegedHelperIsNotTheUsers(t *testing.T) {
	for _, p := range privileges {
		t.Run(p.name, func(t *testing.T) { helperIsNotTheUsers(t, p.give) })
	}
}

func helperIsNotTheUsers(t *testing.T, give func(t *testing.T, program string)) {
	program, dir := privilegedCopy(t, give)
	var pipe [2]int // so that there is a pipe to ask
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pipe[0])
	defer unix.Close(pipe[1])
	cmd := exec.Command(program, "-b", "-d", "0.2", "--source", "procfs")
	cmd.Dir = dir
	cmd.Env = []string{mainEnv + "=1", "PATH=" + os.Getenv("PATH")}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	if err := cmd.Start(); err != nil {
		t.Skipf("nobody cannot start a program here: %v", err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()

	first := helperOf(t, cmd.Process.Pid, 0)
	// Right after the start its descriptors may be listed, until it has forbidden that.
	waitUntil(t, func() bool {
		var st unix.Stat_t
		return unix.Stat(fmt.Sprintf("/proc/%d/fd", first), &st) == nil && st.Uid == 0
	})
	for _, look := range []string{"cat /proc/%d/environ", "ls /proc/%d/fd/", "readlink /proc/%d/exe"} {
		if out, err := shellAsNobody(dir, fmt.Sprintf(look, first)); err == nil {
			t.Errorf("nobody can do %q with the helper: %s", look, out)
		}
	}
	if out, err := shellAsNobody(dir, fmt.Sprintf("kill -STOP %d", first)); err != nil {
		t.Logf("nobody cannot stop the helper: %s", out)
		return
	}
	waitUntil(t, func() bool { return !isHelperOf(first, cmd.Process.Pid) })
	helperOf(t, cmd.Process.Pid, first)
}

// helperOf waits for a helper process of an ipctop, other than the one before.
func helperOf(t *testing.T, parent, before int) (pid int) {
	t.Helper()
	waitUntil(t, func() bool {
		entries, err := os.ReadDir("/proc")
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if pid, err = strconv.Atoi(e.Name()); err == nil && pid != before && isHelperOf(pid, parent) {
				return true
			}
		}
		return false
	})
	return pid
}

func isHelperOf(pid, parent int) bool {
	cmdline, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, _ := bytes.Cut(stat, []byte(") "))
	fields := bytes.Fields(rest)
	return string(bytes.TrimRight(cmdline, "\x00")) == probe.HelperName && len(fields) > 1 && string(fields[1]) == strconv.Itoa(parent)
}

// shellAsNobody runs a shell command as a user without any rights.
func shellAsNobody(dir, line string) (string, error) {
	cmd := exec.Command("sh", "-c", line)
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := cmd.CombinedOutput()
	return string(out), err
}
