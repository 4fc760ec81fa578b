package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// hostEnv makes the test binary the first process of a simulated host, with its own network,
// processes, name and mounts. It waits for a line on standard input, which says that the
// network is there. It then plays the role that the variable names, with calls that block.
const hostEnv = "IPCTOP_TEST_HOST"

// Addresses of the hosts, and ports on the hosts.
const (
	proxyAddress  = "10.99.1.2"
	serverAddress = "10.99.2.2"
	servicePort   = 8080
)

func playHost(part string) {
	fail := func(what string, err error) {
		if err != nil {
			fmt.Println(what+":", err)
			os.Exit(1)
		}
	}
	fail("mounts", unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
	fail("proc", unix.Mount("proc", "/proc", "proc", 0, ""))
	fail("name", unix.Sethostname([]byte(part)))
	fmt.Println("ready")
	buffer := make([]byte, 16)
	_, err := unix.Read(0, buffer)
	fail("network", err)
	listen := func() int {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
		fail("socket", err)
		fail("bind", unix.Bind(fd, &unix.SockaddrInet4{Port: servicePort}))
		fail("listen", unix.Listen(fd, 5))
		fmt.Println("listens")
		return fd
	}
	connect := func(to string) int {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
		fail("socket", err)
		fail("connect", unix.Connect(fd, &unix.SockaddrInet4{Port: servicePort, Addr: [4]byte(net.ParseIP(to).To4())}))
		return fd
	}
	switch part {
	case "server":
		fd, _, err := unix.Accept(listen())
		fail("accept", err)
		_, err = unix.Read(fd, buffer)
		fail("read", err)
		fmt.Println("asked")
	case "proxy":
		fd, _, err := unix.Accept(listen())
		fail("accept", err)
		n, err := unix.Read(fd, buffer)
		fail("read", err)
		to := connect(serverAddress)
		_, err = unix.Write(to, buffer[:n])
		fail("write", err)
		_, _ = unix.Read(to, buffer)
	case "client":
		to := connect(proxyAddress)
		_, err := unix.Write(to, []byte("question"))
		fail("write", err)
		_, _ = unix.Read(to, buffer)
	}
	_, _ = unix.Read(0, buffer) // until the test ends
	os.Exit(0)
}

// liveHost is a simulated host.
type liveHost struct {
	*exec.Cmd
	said  func() string // the next line that it prints
	begin func()        // called once the network is there
}

// startHost starts a host.
func startHost(t *testing.T, part string) *liveHost {
	t.Helper()
	cmd := exec.Command(testProgram(t))
	cmd.Env = append(os.Environ(), hostEnv+"="+part)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWUTS | unix.CLONE_NEWNS | unix.CLONE_NEWIPC, Pdeathsig: syscall.SIGKILL,
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Skipf("namespaces cannot be made here: %v", err)
	}
	t.Cleanup(func() {
		in.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	buffer, rest := make([]byte, 256), ""
	said := func() string {
		for !strings.Contains(rest, "\n") {
			n, err := out.Read(buffer)
			if err != nil {
				t.Fatalf("host %s: %v", part, err)
			}
			rest += string(buffer[:n])
		}
		line, more, _ := strings.Cut(rest, "\n")
		rest = more
		return line
	}
	h := &liveHost{cmd, said, func() { _, _ = in.Write([]byte("go\n")) }}
	if line := said(); line != "ready" {
		t.Skipf("a host cannot be made here: %s", line)
	}
	return h
}

// within makes a command that runs on the host.
func (h *liveHost) within(args ...string) *exec.Cmd {
	return exec.Command("nsenter", append([]string{"-t", strconv.Itoa(h.Process.Pid), "-p", "-m", "-n", "-u", "-i"}, args...)...)
}

// TestThreeHosts: on each of three hosts connected by a network, ipctop records what it sees
// there. Together the recordings explain why the client on the first host does not go on:
// the server on the third is stopped.
func TestThreeHosts(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("making hosts needs CAP_SYS_ADMIN")
	}
	for _, tool := range []string{"ip", "nsenter"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed", tool)
		}
	}
	t.Setenv("LC_ALL", "C.UTF-8")
	runtime.LockOSThread() // hosts end with the thread that started them
	defer runtime.UnlockOSThread()
	hosts := map[string]*liveHost{}
	for _, part := range []string{"client", "proxy", "server"} {
		hosts[part] = startHost(t, part)
	}
	pid := func(part string) string { return strconv.Itoa(hosts[part].Process.Pid) }
	for _, args := range [][]string{
		{"ip", "link", "add", "p0", "netns", pid("client"), "type", "veth", "peer", "name", "c0", "netns", pid("proxy")},
		{"ip", "link", "add", "s0", "netns", pid("proxy"), "type", "veth", "peer", "name", "p0", "netns", pid("server")},
		{"nsenter", "-t", pid("client"), "-n", "ip", "addr", "add", "10.99.1.1/24", "dev", "p0"},
		{"nsenter", "-t", pid("proxy"), "-n", "ip", "addr", "add", proxyAddress + "/24", "dev", "c0"},
		{"nsenter", "-t", pid("proxy"), "-n", "ip", "addr", "add", "10.99.2.1/24", "dev", "s0"},
		{"nsenter", "-t", pid("server"), "-n", "ip", "addr", "add", serverAddress + "/24", "dev", "p0"},
		{"nsenter", "-t", pid("client"), "-n", "ip", "link", "set", "p0", "up"},
		{"nsenter", "-t", pid("proxy"), "-n", "ip", "link", "set", "c0", "up"},
		{"nsenter", "-t", pid("proxy"), "-n", "ip", "link", "set", "s0", "up"},
		{"nsenter", "-t", pid("server"), "-n", "ip", "link", "set", "p0", "up"},
	} {
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Skipf("%s: %v: %s", strings.Join(args, " "), err, out)
		}
	}
	for _, part := range []string{"server", "proxy"} {
		hosts[part].begin()
		if line := hosts[part].said(); line != "listens" {
			t.Fatalf("%s: %s", part, line)
		}
	}
	hosts["client"].begin()
	if line := hosts["server"].said(); line != "asked" {
		t.Fatalf("server: %s", line)
	}
	if err := hosts["server"].Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var from []string
	for part := range hosts {
		from = append(from, "--from", filepath.Join(dir, part+".rec"))
	}
	var out, notes string
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		for part, h := range hosts {
			record := h.within(testProgram(t), "record", "-n", "1", filepath.Join(dir, part+".rec"))
			record.Env = append(os.Environ(), mainEnv+"=1")
			if b, err := record.CombinedOutput(); err != nil {
				t.Fatalf("record on %s: %v: %s", part, err, b)
			}
		}
		_, out, notes = run(t, "", append([]string{"why"}, from...)...)
		// Both have waited for a second. The one that has waited longer comes first.
		if first, _, _ := strings.Cut(out, "\n"); strings.Contains(first, "(1)@client") && strings.Contains(first, "(1)@proxy") {
			break
		}
	}
	for _, want := range []string{"(1)@client", "(1)@proxy", " wait for ", "(1)@server, which is stopped (likely", "(1)@server holds the other end"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in:\n%s%s", want, out, notes)
		}
	}
	if !strings.Contains(notes, "1 connection tells") {
		t.Errorf("no clock was compared:\n%s", notes)
	}
}
