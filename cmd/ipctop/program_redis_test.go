package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ipctop/ipctop/model"
)

// redisClient is a line of its CLIENT LIST.
var redisClient = regexp.MustCompile(`addr=(\S+) laddr=(\S+) fd=(\d+) .*cmd=blpop`)

// A database server with clients that wait for it. Connections, addresses and descriptors
// are shown as in CLIENT LIST, and each connection leads to its client.
func TestProgramRedis(t *testing.T) {
	dir := shortDir(t)
	path, port := filepath.Join(dir, "redis.sock"), freePort(t)
	startReal(t, "redis-server", "--bind", "127.0.0.1", "--port", port, "--unixsocket", path, "--save", "", "--daemonize", "no", "--dir", dir,
		"--pidfile", filepath.Join(dir, "pid"))
	server := pidFile(t, filepath.Join(dir, "pid"))
	waitFor(t, path)
	var clients []int
	for n := range 4 {
		argv := []string{"redis-cli", "-p", port, "BLPOP", "nothing", "0"}
		if n%2 == 0 {
			argv = []string{"redis-cli", "-s", path, "BLPOP", "nothing", "0"}
		}
		clients = append(clients, startReal(t, argv...).pid)
	}
	var said [][]string
	for end := time.Now().Add(time.Minute); len(said) < len(clients) && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		out, err := exec.Command("redis-cli", "-s", path, "CLIENT", "LIST").Output()
		if err != nil {
			t.Fatal(err)
		}
		said = redisClient.FindAllStringSubmatch(string(out), -1)
	}
	if len(said) != len(clients) {
		t.Fatalf("the server knows of %q", said)
	}
	snap := newScan(t)

	var seen []int // pids of clients
	for _, c := range said {
		fd, _ := strconv.Atoi(c[3])
		kind := model.TCP
		if strings.HasPrefix(c[1], "/") {
			kind = model.Unix
		}
		end := the(t, snap, kind, fmt.Sprintf("descriptor %d of the server", fd), func(o *model.Object) bool {
			return slices.ContainsFunc(o.Holders, func(h model.Holder) bool { return int(h.PID) == server && h.FD == model.Some(int32(fd)) })
		})
		heldBy(t, end, model.ViaFD, server)
		switch d := end.Detail.(type) {
		case *model.InetDetail:
			if d.Local != c[2] || d.Remote != c[1] || d.State != "ESTAB" {
				t.Errorf("%s is %+v, the server says %q", end.ID, d, c[0])
			}
		case *model.UnixDetail:
			if d.Path != path || d.State != "established" {
				t.Errorf("%s is %+v, the server says %q", end.ID, d, c[0])
			}
		}
		if len(end.Peers) != 1 {
			t.Fatalf("%s has peers %+v", end.ID, end.Peers)
		}
		for _, h := range theID(t, snap, end.Peers[0].ID).Holders {
			seen = append(seen, int(h.PID))
		}
	}
	slices.Sort(seen)
	slices.Sort(clients)
	if !slices.Equal(seen, clients) {
		t.Errorf("the connections lead to %v, the clients are %v", seen, clients)
	}
	heldBy(t, the(t, snap, model.TCP, "the listener", func(o *model.Object) bool {
		d := o.Detail.(*model.InetDetail)
		return d.State == "LISTEN" && d.Local == "127.0.0.1:"+port
	}), model.ViaFD, server)
	for _, client := range clients {
		if !slices.ContainsFunc(snap.Waits, func(w model.Wait) bool {
			return w.PID == client && slices.ContainsFunc(w.Blockers, func(b model.Blocker) bool { return b.PID == server })
		}) {
			t.Errorf("client %d is not shown to wait for the server", client)
		}
	}
}
