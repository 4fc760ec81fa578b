package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// dataEnv makes the test binary a process with data waiting in every kind of queue. When
// its standard input ends it takes everything out and prints it.
const dataEnv = "IPCTOP_TEST_DATA"

// waitingData fills the queues. Each of the functions that it returns empties one of them.
func waitingData() (names []string, take map[string]func() string) {
	take = map[string]func() string{}
	add := func(name string, f func() string) {
		names = append(names, name)
		take[name] = f
	}
	check := func(what string, err error) {
		if err != nil {
			fmt.Println("cannot", what, err)
			os.Exit(0)
		}
	}
	read := func(fd int) func() string {
		return func() string {
			_ = unix.SetNonblock(fd, true)
			var b [64]byte
			var got []string
			for {
				n, err := unix.Read(fd, b[:])
				if err == unix.EINTR {
					continue
				}
				if err != nil || n == 0 {
					return strings.Join(append(got, fmt.Sprint(err)), "|")
				}
				got = append(got, strconv.Quote(string(b[:n])))
			}
		}
	}
	write := func(fd int, texts ...string) {
		for _, text := range texts {
			_, err := unix.Write(fd, []byte(text))
			check("write", err)
		}
	}
	var p [2]int
	check("pipe", unix.Pipe2(p[:], unix.O_CLOEXEC))
	write(p[1], "pipe", "line")
	add("pipe", read(p[0]))
	fifo := filepath.Join(os.Args[1], "fifo")
	check("mkfifo", unix.Mkfifo(fifo, 0o600))
	f, err := unix.Open(fifo, unix.O_RDWR|unix.O_CLOEXEC, 0)
	check("open", err)
	write(f, "fifo")
	add("fifo", read(f))
	for name, kind := range map[string]int{"stream": unix.SOCK_STREAM, "datagram": unix.SOCK_DGRAM, "packet": unix.SOCK_SEQPACKET} {
		s, err := unix.Socketpair(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC, 0)
		check("socketpair", err)
		write(s[0], "one", "three")
		add(name, read(s[1]))
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check("listen", err)
	c, err := net.Dial("tcp", l.Addr().String())
	check("dial", err)
	d, err := l.Accept()
	check("accept", err)
	_, err = c.Write([]byte("over the loopback"))
	check("write", err)
	_ = c.Close()
	file, err := d.(*net.TCPConn).File()
	check("file", err)
	add("tcp", read(int(file.Fd())))
	// An error that waits for the next reader of SO_ERROR.
	u, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	check("socket", err)
	check("connect", unix.Connect(u, &unix.SockaddrInet4{Port: 1, Addr: [4]byte{127, 0, 0, 1}}))
	write(u, "to nobody")
	add("udp error", read(u))
	master, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	check("ptmx", err)
	check("unlock", unix.IoctlSetPointerInt(master, unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(master, unix.TIOCGPTN)
	check("pty", err)
	slave, err := unix.Open("/dev/pts/"+strconv.Itoa(n), unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	check("pts", err)
	write(slave, "output")
	add("pty", read(master))
	count, err := unix.Eventfd(5, unix.EFD_CLOEXEC)
	check("eventfd", err)
	add("eventfd", read(count))
	watch, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	check("inotify", err)
	_, err = unix.InotifyAddWatch(watch, os.Args[1], unix.IN_CREATE)
	check("watch", err)
	check("mkdir", os.Mkdir(filepath.Join(os.Args[1], "new"), 0o700))
	add("inotify", func() string { return strconv.Itoa(strings.Count(read(watch)(), "new")) })
	addQueues(add, check)
	return names, take
}

// addQueues adds message queues of both kinds.
func addQueues(add func(string, func() string), check func(string, error)) {
	type message struct {
		kind int
		text [8]byte
	}
	id, _, errno := unix.Syscall(unix.SYS_MSGGET, 0, 0o600, 0)
	if errno != 0 {
		check("msgget", errno)
	}
	for i, text := range []string{"b", "a"} {
		m := message{kind: 3 - i}
		copy(m.text[:], text)
		if _, _, errno := unix.Syscall6(unix.SYS_MSGSND, id, uintptr(unsafe.Pointer(&m)), 1, 0, 0, 0); errno != 0 {
			check("msgsnd", errno)
		}
	}
	add("sysv", func() string {
		var got []string
		for {
			var m message
			n, _, errno := unix.Syscall6(unix.SYS_MSGRCV, id, uintptr(unsafe.Pointer(&m)), 8, 0, 0o4000, 0)
			if errno != 0 {
				_, _, _ = unix.Syscall(unix.SYS_MSGCTL, id, 0, 0)
				return strings.Join(got, "|")
			}
			got = append(got, fmt.Sprint(m.kind, string(m.text[:n])))
		}
	})
	name := []byte("ipctop-test-data-" + strconv.Itoa(os.Getpid()) + "\x00")
	attr := [8]int{1: 4, 2: 8}
	mq, _, errno := unix.Syscall6(unix.SYS_MQ_OPEN, uintptr(unsafe.Pointer(&name[0])), unix.O_CREAT|unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK,
		0o600, uintptr(unsafe.Pointer(&attr)), 0, 0)
	if errno != 0 {
		check("mq_open", errno)
	}
	for priority, text := range []string{"low", "high"} {
		b := []byte(text)
		if _, _, errno := unix.Syscall6(unix.SYS_MQ_TIMEDSEND, mq, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), uintptr(priority), 0, 0); errno != 0 {
			check("mq_send", errno)
		}
	}
	add("posix", func() string {
		_, _, _ = unix.Syscall(unix.SYS_MQ_UNLINK, uintptr(unsafe.Pointer(&name[0])), 0, 0)
		var got []string
		for {
			var b [8]byte
			var priority uint32
			n, _, errno := unix.Syscall6(unix.SYS_MQ_TIMEDRECEIVE, mq, uintptr(unsafe.Pointer(&b[0])), 8, uintptr(unsafe.Pointer(&priority)), 0, 0)
			if errno != 0 {
				return strings.Join(got, "|")
			}
			got = append(got, fmt.Sprint(priority, string(b[:n])))
		}
	})
}

func data() {
	names, take := waitingData()
	memory, err := unix.MemfdCreate("untouched", unix.MFD_CLOEXEC)
	if err == nil {
		err = unix.Ftruncate(memory, 1<<20)
	}
	if err == nil {
		_, err = unix.Mmap(memory, 0, 1<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	}
	if err != nil {
		fmt.Println("cannot map", err)
		os.Exit(0)
	}
	resident := residentShared()
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin)
	fmt.Println("RssShmem grew by", residentShared()-resident)
	for _, name := range names {
		fmt.Println(name, take[name]())
	}
	os.Exit(0)
}

// residentShared is how much shared memory is in the page tables of this process, in kB.
func residentShared() (kB int) {
	text, _ := os.ReadFile("/proc/self/status")
	if m := regexp.MustCompile(`RssShmem:\s+(\d+) kB`).FindSubmatch(text); m != nil {
		kB, _ = strconv.Atoi(string(m[1]))
	}
	return kB
}

// Everything that waits in a queue is still there for its receivers, in order. So is an error
// that a socket has for its next reader. No page was added to another process's memory.
func TestDataIsUntouched(t *testing.T) {
	skipIfLate(t)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, t.TempDir())
	cmd.Env = append(os.Environ(), dataEnv+"=1")
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
	defer func() { stdin.Close(); _ = cmd.Wait() }()
	lines := bufio.NewScanner(stdout)
	if lines.Scan(); lines.Text() != "ready" {
		t.Skipf("the process says %q", lines.Text())
	}
	scans, stop := hammer(t)
	awaitScans(t, scans, 8)
	stop()
	stdin.Close()
	got := map[string]bool{}
	for lines.Scan() {
		got[lines.Text()] = true
	}
	const none = "resource temporarily unavailable"
	want := []string{
		"RssShmem grew by 0",
		`pipe "pipeline"|` + none,
		`fifo "fifo"|` + none,
		`stream "onethree"|` + none,
		`datagram "one"|"three"|` + none,
		`packet "one"|"three"|` + none,
		`tcp "over the loopback"|<nil>`,
		"udp error connection refused",
		`pty "output"|` + none,
		`eventfd "\x05\x00\x00\x00\x00\x00\x00\x00"|` + none,
		"inotify 1",
		"sysv 3b|2a",
		"posix 1high|0low",
	}
	for _, line := range want {
		if !got[line] {
			t.Errorf("missing: %s", line)
		}
		delete(got, line)
	}
	for line := range got {
		t.Errorf("instead: %s", line)
	}
}

// kernelLog returns what the kernel logs about this process from now on; nil if the log may not be read.
func kernelLog(t *testing.T) (since func() []string) {
	t.Helper()
	fd, err := unix.Open("/dev/kmsg", unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	if _, err := unix.Seek(fd, 0, unix.SEEK_END); err != nil {
		return nil
	}
	comm, _ := os.ReadFile("/proc/self/comm")
	return func() (lines []string) {
		b := make([]byte, 16<<10)
		for {
			n, err := unix.Read(fd, b)
			switch {
			case errors.Is(err, unix.EPIPE): // some lines were lost
				continue
			case err != nil || n == 0:
				return lines
			}
			line := string(b[:n])
			// The one line that docs/traces.md mentions.
			if strings.Contains(line, "GETNCNT") || strings.Contains(line, "triggered the difference") {
				continue
			}
			if strings.Contains(line, strings.TrimSpace(string(comm))) || strings.Contains(line, "ipctop") {
				lines = append(lines, line)
			}
		}
	}
}
