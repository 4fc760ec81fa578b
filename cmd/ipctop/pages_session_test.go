package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// binaryEnv is an installed ipctop to test instead of this one.
const binaryEnv = "IPCTOP_TEST_BINARY"

// session is a shell in its own namespaces, in which only processes that it starts are running:
// the output of ipctop does not depend on the machine. Its pids begin at 4101, and /tmp is empty.
type session struct {
	cmd   *exec.Cmd
	in    *os.File
	out   *bufio.Reader
	count int
}

// sessionSetup prepares the namespaces; the arguments are ipctop and a directory. PATH has
// the directories of Debian and none of the user.
const sessionSetup = `set -e
for fd in /proc/self/fd/*; do # what the test has inherited
	n=${fd##*/}
	[ "$n" -le 2 ] || [ "$n" -ge 255 ] || eval "exec $n>&-"
done
hostname db1
ip link set lo up
mount -t tmpfs tmpfs "$2"
mkdir "$2/.bin" "$2/.out" "$2/.home"
touch "$2/.bin/ipctop"
mount --bind "$1" "$2/.bin/ipctop"
mount --move "$2" /tmp
chmod 1777 /tmp
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs -o mode=755 tmpfs /run
[ ! -d /dev/mqueue ] || mount -t mqueue mqueue /dev/mqueue 2>/dev/null || true # made by nobody here: /dev is everybody's
mount -t devpts -o newinstance,ptmxmode=0666 devpts /dev/pts
mount --bind /dev/pts/ptmx /dev/ptmx
cd /tmp
echo 4100 >/proc/sys/kernel/ns_last_pid
exec bash --norc --noprofile
`

// startSession starts a shell; dir must be empty, and is only used inside.
func startSession(dir string) (*session, error) {
	binary, main := os.Getenv(binaryEnv), "0"
	if binary == "" {
		var err error
		if binary, err = os.Executable(); err != nil {
			return nil, err
		}
		main = "1"
	}
	cmd := exec.Command("unshare", "--pid", "--fork", "--mount", "--ipc", "--net", "--uts", "--mount-proc", "--kill-child",
		"bash", "-c", sessionSetup, "bash", binary, dir)
	cmd.Env = []string{
		"PATH=/tmp/.bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/tmp/.home", "LC_ALL=C.UTF-8", "TERM=dumb",
		mainEnv + "=" + main,
	}
	// Stopped jobs, and what a job reads from the terminal, stay within the session.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	in, inW, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	outR, out, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, inW.Close())
	}
	defer out.Close()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, out, out
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, inW.Close(), outR.Close())
	}
	s := &session{cmd: cmd, in: inW, out: bufio.NewReader(outR)}
	if _, err := s.send("set -m; shopt -s expand_aliases", 20*time.Second); err != nil {
		s.end()
		return nil, err
	}
	return s, nil
}

// end ends the shell and everything that it has started.
func (s *session) end() {
	_ = s.in.Close()
	_ = s.cmd.Process.Kill() // its child is killed with it
	_ = s.cmd.Wait()
}

// start starts a command, whose output the method output returns, and returns when the
// shell could take the next command.
func (s *session) start(command string) (n int, err error) {
	s.count++
	_, err = s.send(fmt.Sprintf("{ %s\n} >/tmp/.out/%d 2>&1 </dev/null", command, s.count), time.Minute)
	return s.count, err
}

// aside matches messages of ipctop that appear only inside the namespaces, and the shell's
// messages about jobs, which come at any time.
var aside = regexp.MustCompile(`(?m)^\[\d+\][+-]? +(Terminated|Done|Killed|Stopped|Exit).*\n|^ipctop: \d+ things? could not be read.*\n|; \d+ things? could not be read \(ipctop dump --only gaps lists them\)`)

// output is what command n has printed so far.
func (s *session) output(n int) (string, error) {
	text, err := s.send(fmt.Sprintf("while IFS= read -r line || [ -n \"$line\" ]; do printf '%%s\\n' \"$line\"; done </tmp/.out/%d", n), time.Minute)
	return aside.ReplaceAllString(string(text), ""), err
}

// send lets the shell run something and returns the output.
func (s *session) send(text string, within time.Duration) ([]byte, error) {
	const end = "\x01end of output\n"
	if _, err := fmt.Fprintf(s.in, "%s\nprintf '\\001end of output\\n'\n", text); err != nil {
		return nil, err
	}
	late := time.AfterFunc(within, func() { _ = s.cmd.Process.Kill() })
	defer late.Stop()
	var out []byte
	for {
		line, err := s.out.ReadBytes('\n')
		out = append(out, line...)
		switch {
		case bytes.HasSuffix(out, []byte(end)):
			return out[:len(out)-len(end)], nil
		case err != nil:
			return out, fmt.Errorf("the shell ended: %w: %s", err, out)
		}
	}
}

// needSession skips the test if there can be no session.
func needSession(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: what root sees is printed, in namespaces without anything else")
	}
	for _, program := range []string{"unshare", "bash", "ip", "hostname"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed", program)
		}
	}
	s, err := startSession(t.TempDir())
	if err != nil {
		t.Skipf("no namespaces can be made here: %v", err)
	}
	s.end()
}

// notInstalled is the first of the programs that is not installed.
func notInstalled(programs []string) string {
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			return p
		}
	}
	return ""
}

// again reports whether a command only reads, so that it may be repeated until its output
// is as expected.
func again(command string) bool {
	words := strings.Fields(command)
	if len(words) < 2 || words[0] != "ipctop" || strings.HasSuffix(command, "&") {
		return false
	}
	switch words[1] {
	case "fixtures", "run", "record", "wait":
		return false
	}
	return true
}
