package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ipctop/ipctop/model"
)

// TestReferenceTools compares a scan with lsof, ss, /proc/sysvipc and ipcs, on a
// machine where real programs run.
func TestReferenceTools(t *testing.T) {
	skipIfLate(t)
	h := comparison{
		tools: []string{"lsof", "ss", "ipcs"},
		read:  readReferences,
		own:   ownFacts,
		// lsof shows only some kinds.
		partial:  func(what string) bool { return toolOf(what) == "lsof" },
		mustHave: []string{"lsof", "ss-unix", "ss-tcp", "sysvipc", "ipcs"},
		atLeast:  200,
	}
	h.need(t)
	startPrograms(t)
	h.compare(t)
}

// startPrograms starts PostgreSQL, redis and tmux if they are installed, and always a
// pipeline, a pair of FIFO ends, and System V objects.
func startPrograms(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	start := func(argv ...string) *exec.Cmd {
		t.Helper()
		cmd := exec.Command(argv[0], argv[1:]...)
		cmd.Dir = dir
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if err := cmd.Start(); err != nil {
			t.Fatalf("start %s: %v", argv[0], err)
		}
		t.Cleanup(func() {
			// After SIGTERM PostgreSQL would wait for its clients.
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGINT)
			late := time.AfterFunc(5*time.Second, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
			_ = cmd.Wait()
			late.Stop()
		})
		return cmd
	}
	run := func(argv ...string) string {
		t.Helper()
		// Output goes to a file, not a pipe: tmux leaves a server behind that would keep a pipe open.
		out, err := os.CreateTemp(dir, "out")
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		cmd := exec.Command(argv[0], argv[1:]...)
		cmd.Stdout, cmd.Stderr = out, out
		err = cmd.Run()
		text, _ := os.ReadFile(out.Name())
		if err != nil {
			t.Fatalf("%s: %v\n%s", strings.Join(argv, " "), err, text)
		}
		return string(text)
	}
	start("sh", "-c", "sleep 1000 | cat | cat | cat >/dev/null")
	run("mkfifo", fifo)
	start("sh", "-c", "sleep 1000 > "+fifo)
	start("sh", "-c", "cat "+fifo+" >/dev/null")

	for range 3 {
		for flag, remove := range map[string]string{"-M": "-m", "-Q": "-q", "-S": "-s"} {
			args := []string{"ipcmk", flag}
			switch flag {
			case "-M":
				args = append(args, "8192")
			case "-S":
				args = append(args, "5")
			}
			id := regexp.MustCompile(`\d+`).FindString(run(args...))
			t.Cleanup(func() { _ = exec.Command("ipcrm", remove, id).Run() })
		}
	}
	if _, err := exec.LookPath("tmux"); err == nil {
		socket := filepath.Join(dir, "tmux")
		run("tmux", "-S", socket, "-f", "/dev/null", "new-session", "-d", "cat")
		run("tmux", "-S", socket, "split-window", "-d", "cat | cat")
		t.Cleanup(func() { _ = exec.Command("tmux", "-S", socket, "kill-server").Run() })
	} else {
		t.Log("tmux is not installed: left out")
	}
	startRedis(t, dir, start)
	startPostgres(t, dir, start)
	if python, err := exec.LookPath("python3"); err == nil {
		start(python, "-c", pairsProgram)
	}
	time.Sleep(time.Second) // until all programs have settled
}

// pairsProgram has many pairs between two processes, so that enough is compared even if no
// server is installed.
const pairsProgram = `
import os, socket, time
kept = []
server = socket.create_server(("127.0.0.1", 0))
mine, theirs = [], []
for n in range(30):
    a, b = socket.socketpair(socket.AF_UNIX, (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET)[n % 3])
    c = socket.create_connection(server.getsockname()); d, _ = server.accept()
    r, w = os.pipe()
    mine += [a.fileno(), c.fileno(), w]; theirs += [b.fileno(), d.fileno(), r]; kept += [a, b, c, d]
for fd in theirs if os.fork() else mine:
    os.close(fd)
time.sleep(1000)
`

func startRedis(t *testing.T, dir string, start func(...string) *exec.Cmd) {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Log("redis-server is not installed: left out")
		return
	}
	socket := filepath.Join(dir, "redis.sock")
	start("redis-server", "--port", "0", "--unixsocket", socket, "--save", "", "--daemonize", "no")
	waitFor(t, socket)
	for range 5 {
		start("redis-cli", "-s", socket, "BLPOP", "nothing", "0")
	}
}

// startPostgres starts a server with clients and returns its port; "" if it is not installed.
func startPostgres(t *testing.T, dir string, start func(...string) *exec.Cmd) (port string) {
	t.Helper()
	bins, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if len(bins) == 0 {
		t.Log("PostgreSQL is not installed: left out")
		return ""
	}
	bin := filepath.Dir(bins[len(bins)-1])
	data := filepath.Join(dir, "pg")
	// PostgreSQL refuses to run as root. Its user needs access to the directory.
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("chown", "postgres", data).CombinedOutput(); err != nil {
		t.Fatalf("chown: %v %s", err, out)
	}
	for d := dir; d != "/" && d != os.TempDir(); d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	as := []string{"setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"}
	initdb := append(slices.Clone(as), bin+"/initdb", "-D", data, "-A", "trust", "--no-sync")
	cmd := exec.Command(initdb[0], initdb[1:]...)
	cmd.Dir = "/"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	port = freePort(t)
	start(append(slices.Clone(as), bin+"/postgres", "-D", data, "-c", "listen_addresses=127.0.0.1", "-c", "port="+port,
		"-c", "unix_socket_directories="+data)...)
	waitFor(t, filepath.Join(data, ".s.PGSQL."+port))
	for range 5 {
		start("psql", "-h", data, "-p", port, "-U", "postgres", "-c", "select pg_sleep(1000)")
		start("psql", "-h", "127.0.0.1", "-p", port, "-U", "postgres", "-c", "select pg_sleep(1000)")
	}
	return port
}

// freePort is a TCP port on which nobody listened a moment ago.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

func waitFor(t *testing.T, path string) {
	t.Helper()
	for range 100 {
		if _, err := os.Stat(path); err == nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("%s did not appear", path)
}

func readReferences(t *testing.T, f facts) {
	t.Helper()
	readLsof(t, f)
	readSS(t, f)
	readSysvipc(t, f)
	readIpcs(t, f)
}

func output(t *testing.T, argv ...string) []string {
	t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	out, err := cmd.Output()
	if err != nil && len(out) == 0 {
		t.Fatalf("%s: %v", strings.Join(argv, " "), err)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
}

var lsofEnd = regexp.MustCompile(`(\d+),[^,]+,(\d+)[rwu](?: |$)`)

// readLsof reads pipes, FIFOs, UNIX and loopback TCP sockets from lsof: "lsof PID.FD" is "INODE
// ends PID.FD …", the descriptors of other processes at the other end (of a pipe: at either end).
func readLsof(t *testing.T, f facts) {
	var pid, fd, kind, ino, device string
	self := strconv.Itoa(os.Getpid())
	for _, line := range output(t, "lsof", "-nP", "-w", "+E", "-F", "pfditn") {
		value := line[1:]
		switch line[0] {
		case 'p':
			pid, fd, kind, ino, device = value, "", "", "", ""
		case 'f':
			fd, kind, ino, device = value, "", "", ""
		case 't':
			kind = value
		case 'd':
			device = value
		case 'i':
			ino = value
		case 'n':
			if _, err := strconv.Atoi(fd); err != nil || pid == self {
				continue
			}
			switch kind {
			case "FIFO", "unix":
			case "IPv4", "IPv6":
				ino = device
				if !strings.Contains(value, "->") {
					continue // no connection, or not a TCP connection
				}
			default:
				continue
			}
			var ends []string
			for _, m := range lsofEnd.FindAllStringSubmatch(value, -1) {
				if m[1] != pid {
					ends = append(ends, m[1]+"."+m[2])
				}
			}
			f["lsof "+pid+"."+fd] = ino + " ends " + sorted(ends)
		}
	}
	for what := range f { // lsof lists itself, too; it is gone now
		if p, _, _ := strings.Cut(strings.TrimPrefix(what, "lsof "), "."); strings.HasPrefix(what, "lsof ") && !exists("/proc/"+p) {
			delete(f, what)
		}
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func sorted(list []string) string {
	slices.Sort(list)
	return strings.Join(slices.Compact(list), " ")
}

var ssUser = regexp.MustCompile(`pid=(\d+),fd=(\d+)`)

// readSS reads sockets from ss: "ss-unix INODE" is "peer INODE users PID.FD …", "ss-tcp
// LOCAL REMOTE" is "STATE users PID.FD …".
func readSS(t *testing.T, f facts) {
	users := func(line string) string {
		var list []string
		for _, m := range ssUser.FindAllStringSubmatch(line, -1) {
			list = append(list, m[1]+"."+m[2])
		}
		return sorted(list)
	}
	for _, line := range output(t, "ss", "-Hxap") {
		w := strings.Fields(line)
		if len(w) < 8 || !strings.HasPrefix(w[0], "u_") {
			continue
		}
		f["ss-unix "+w[5]] = "peer " + w[7] + " users " + users(line)
	}
	for _, line := range output(t, "ss", "-Htnap") {
		w := strings.Fields(line)
		if len(w) < 5 || w[0] == "TIME-WAIT" {
			continue
		}
		f["ss-tcp "+w[3]+" "+w[4]] = w[0] + " users " + users(line)
	}
}

// readSysvipc reads the kernel's own tables.
func readSysvipc(t *testing.T, f facts) {
	for table, id := range map[string]string{"msg": "msqid", "sem": "semid", "shm": "shmid"} {
		b, err := os.ReadFile("/proc/sysvipc/" + table)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(string(b)), "\n")
		heading := strings.Fields(lines[0])
		for _, line := range lines[1:] {
			row := map[string]string{}
			for i, w := range strings.Fields(line) {
				row[heading[i]] = w
			}
			key, _ := strconv.Atoi(row["key"])
			said := fmt.Sprintf("key 0x%08x uid %s gid %s", uint32(key), row["uid"], row["gid"])
			switch table {
			case "msg":
				said += fmt.Sprintf(" messages %s bytes %s sent %s received %s", row["qnum"], row["cbytes"], row["lspid"], row["lrpid"])
			case "sem":
				said += " count " + row["nsems"]
			case "shm":
				said += fmt.Sprintf(" size %s attached %s creator %s rss %s swap %s", row["size"], row["nattch"], row["cpid"], row["rss"], row["swap"])
			}
			f["sysvipc "+table+" "+row[id]] = said
		}
	}
}

// readIpcs reads keys and permissions from ipcs.
func readIpcs(t *testing.T, f facts) {
	for table, flag := range map[string]string{"msg": "-q", "sem": "-s", "shm": "-m"} {
		for _, line := range output(t, "ipcs", flag) {
			if w := strings.Fields(line); len(w) >= 5 && strings.HasPrefix(w[0], "0x") {
				mode, _ := strconv.ParseUint(w[3], 8, 32)
				f["ipcs "+table+" "+w[1]] = fmt.Sprintf("key %s mode %03o", w[0], mode&0o777)
			}
		}
	}
}

// ownFacts makes the same rows from a snapshot.
func ownFacts(snap *model.Snapshot) facts {
	f := facts{}
	byID := map[string]*model.Object{}
	for i := range snap.Objects {
		byID[snap.Objects[i].ID] = snap.Objects[i]
	}
	for i := range snap.Objects {
		o := snap.Objects[i]
		if o.Namespace != nil && o.Namespace.Inode != snap.Host.Namespaces[o.Namespace.Type] {
			continue
		}
		switch o.Kind {
		case model.Pipe, model.FIFO:
			sayEnds(f, o, o.Holders)
		case model.Unix:
			if d, ok := o.Detail.(*model.UnixDetail); ok && d.State == "stale" {
				continue // a file, about which ss says nothing
			}
			peer, other := "0", []model.Holder(nil)
			for _, p := range o.Peers {
				if p.Confidence == model.Certain {
					peer, other = strings.TrimPrefix(p.ID, "unix:"), byID[p.ID].Holders
				}
			}
			sayEnds(f, o, other)
			f["ss-unix "+o.Ino.String()] = "peer " + peer + " users " + holdersOf(o)
		case model.TCP:
			d := o.Detail.(*model.InetDetail)
			if strings.HasPrefix(d.Local, "127.") && d.State != "LISTEN" {
				var other []model.Holder
				for _, p := range o.Peers {
					other = byID[p.ID].Holders
				}
				sayEnds(f, o, other)
			}
			if d.Local != "" && d.State != "CLOSE" {
				f["ss-tcp "+d.Local+" "+d.Remote] = d.State + " users " + holdersOf(o)
			}
		}
		saySysv(f, o)
	}
	return f
}

func holdersOf(o *model.Object) string {
	var list []string
	for _, h := range o.Holders {
		if fd, ok := h.FD.Get(); ok {
			list = append(list, fmt.Sprintf("%d.%d", h.PID, fd))
		}
	}
	return sorted(list)
}

func sayEnds(f facts, o *model.Object, other []model.Holder) {
	for _, h := range o.Holders {
		var ends []string
		for _, e := range other {
			if fd, ok := e.FD.Get(); ok && e.PID != h.PID {
				ends = append(ends, fmt.Sprintf("%d.%d", e.PID, fd))
			}
		}
		if fd, ok := h.FD.Get(); ok {
			f[fmt.Sprintf("lsof %d.%d", h.PID, fd)] = o.Ino.String() + " ends " + sorted(ends)
		}
	}
}

func saySysv(f facts, o *model.Object) {
	id, ok := o.SysvID.Get()
	if !ok {
		return
	}
	owner := func(key string) string { return fmt.Sprintf("key %s uid %d gid %d", key, o.UID.Or(-1), o.GID.Or(-1)) }
	switch d := o.Detail.(type) {
	case *model.SysvMsgDetail:
		f[fmt.Sprintf("sysvipc msg %d", id)] = owner(d.Key) + fmt.Sprintf(" messages %d bytes %d sent %d received %d",
			d.Messages.Or(-1), d.Bytes.Or(-1), d.LastSendPID.Or(-1), d.LastRecvPID.Or(-1))
		f[fmt.Sprintf("ipcs msg %d", id)] = fmt.Sprintf("key %s mode %s", d.Key, o.Mode[1:])
	case *model.SysvSemDetail:
		f[fmt.Sprintf("sysvipc sem %d", id)] = owner(d.Key) + fmt.Sprintf(" count %d", d.Count.Or(-1))
		f[fmt.Sprintf("ipcs sem %d", id)] = fmt.Sprintf("key %s mode %s", d.Key, o.Mode[1:])
	case *model.SysvShmDetail:
		f[fmt.Sprintf("sysvipc shm %d", id)] = owner(d.Key) + fmt.Sprintf(" size %d attached %d creator %d rss %d swap %d",
			d.Size.Or(-1), d.Attached.Or(-1), d.CreatorPID.Or(-1), d.RSS.Or(-1), d.Swap.Or(-1))
		f[fmt.Sprintf("ipcs shm %d", id)] = fmt.Sprintf("key %s mode %s", d.Key, o.Mode[1:])
	}
}
