package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
)

// namespacesEnv makes the test binary a process with the given number of network
// namespaces, each kept by a descriptor and with a socket in it.
const namespacesEnv = "IPCTOP_TEST_NAMESPACES"

func holdNamespaces(number string) {
	runtime.LockOSThread()
	n, _ := strconv.Atoi(number)
	limit := unix.Rlimit{Cur: uint64(2*n + 100), Max: uint64(2*n + 100)}
	_ = unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)
	for range n {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			fmt.Println("no namespace:", err)
			os.Exit(1)
		}
		if _, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY, 0); err != nil {
			fmt.Println("no descriptor:", err)
			os.Exit(1)
		}
		s, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
		if err == nil {
			err = unix.Listen(s, 1)
		}
		if err != nil {
			fmt.Println("no socket:", err)
			os.Exit(1)
		}
	}
	fmt.Println("ready")
	_, _ = unix.Read(0, make([]byte, 1))
	os.Exit(0)
}

// startNamespaces starts a process that holds n network namespaces.
func startNamespaces(t *testing.T, n int) *exec.Cmd {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("making namespaces needs CAP_SYS_ADMIN")
	}
	cmd := exec.Command(testProgram(t))
	cmd.Env = append(os.Environ(), namespacesEnv+"="+strconv.Itoa(n))
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		_ = cmd.Wait()
	})
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "ready\n" {
		t.Skipf("%s%v", line, err)
	}
	return cmd
}

func testProgram(t *testing.T) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return exe
}

// A few threads can read any number of namespaces, and see the objects in each.
func TestNamespacesShareThreads(t *testing.T) {
	n := 60
	if os.Getenv(stormEnv) != "" {
		n = 2000
	}
	holder := startNamespaces(t, n)
	status, out, stderr, threads := runIn(t, "", "dump", "--json")
	snap, err := model.Decode(strings.NewReader(out))
	if status != exitOK || err != nil {
		t.Fatalf("status %d, %v: %.500s", status, err, stderr)
	}
	if threads >= 40 {
		t.Errorf("%d threads for %d namespaces", threads, n)
	}
	listening, hidden := 0, 0
	for _, o := range snap.Objects {
		for _, h := range o.Holders {
			if d, ok := o.Detail.(*model.InetDetail); ok && int(h.PID) == holder.Process.Pid && d.State == "LISTEN" {
				listening++
			}
		}
	}
	for _, g := range snap.Gaps {
		if g.Probe == "net namespace" {
			hidden += max(g.Count, 1)
		}
	}
	if listening+hidden < n || listening < min(n, 1000) {
		t.Errorf("of %d sockets that listen, each in its namespace, %d are seen, %d are hidden: %+v", n, listening, hidden, snap.Gaps)
	}
}

// pidsGroup makes a control group with a low limit on processes and threads.
func pidsGroup(t *testing.T, most int) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("making a control group needs root")
	}
	for _, root := range []string{"/sys/fs/cgroup/pids", "/sys/fs/cgroup"} {
		dir := filepath.Join(root, "ipctop-test-"+strconv.Itoa(os.Getpid()))
		if os.Mkdir(dir, 0o755) != nil {
			continue
		}
		t.Cleanup(func() {
			for range 100 { // a process that has just ended may still be in it
				if os.Remove(dir) == nil {
					return
				}
				time.Sleep(20 * time.Millisecond)
			}
		})
		if os.WriteFile(filepath.Join(dir, "pids.max"), []byte(strconv.Itoa(most)), 0o644) == nil {
			return dir
		}
	}
	t.Skip("no control group bounds the number of processes here")
	return ""
}
