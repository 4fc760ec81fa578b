package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/record"
	"github.com/ipctop/ipctop/record/recordfile"
)

// hostFile writes the dump of a host with one process, in the given state, that reads from
// the first of its sockets. Each socket is given as LOCAL>REMOTE.
func hostFile(t *testing.T, dir, host, state string, taken time.Time, sockets ...string) string {
	t.Helper()
	s := &model.Snapshot{
		Schema: model.Schema, Taken: taken, Gaps: []model.Gap{}, Links: []*model.Link{}, Findings: []model.Finding{}, Waits: []model.Wait{}, Limits: []model.Limit{},
		Host: model.Host{Hostname: host, BootID: "boot of " + host, Namespaces: map[string]uint64{"net": 4026531840, "pid": 4026531836}},
		Scan: model.Scan{Processes: 1, Duration: int64(10 * time.Millisecond)},
		Processes: []*model.Process{{
			PID: 31, PPID: 1, Comm: host + "d", Label: host + "d", State: state, Threads: 1, Namespaces: map[string]uint64{"net": 4026531840},
			Signals: &model.Signals{Caught: []string{}},
		}},
	}
	for i, text := range sockets {
		local, remote, _ := strings.Cut(text, ">")
		s.Objects = append(s.Objects, &model.Object{
			ID: "tcp:" + string(rune('1'+i)), Kind: model.TCP, Name: text, HoldersComplete: true, Peers: []model.Peer{},
			Holders: []model.Holder{{PID: 31, Comm: host + "d", Via: model.ViaFD, FD: model.Some(int32(3 + i)), Access: model.ReadWrite}},
			Detail:  &model.InetDetail{State: "ESTAB", Local: local, Remote: remote},
		})
	}
	if state == "S" {
		s.Waits = append(s.Waits, model.Wait{
			PID: 31, TID: 31, Comm: host + "d", Call: "recvfrom", Needs: model.NeedsData, Object: "tcp:1", Timed: model.Some(false),
			BlockedFor: model.Some(int64(time.Minute)), Confirmed: true, Blockers: []model.Blocker{},
		})
	}
	var b bytes.Buffer
	if err := model.Encode(&b, s); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, host+".json")
	if err := os.WriteFile(name, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// chainOfHosts writes the dumps of three hosts: a client waits for a proxy, which waits for
// a server that is stopped.
func chainOfHosts(t *testing.T) (dir string, from []string) {
	t.Helper()
	dir = t.TempDir()
	at := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	for _, name := range []string{
		hostFile(t, dir, "client", "S", at, "10.0.0.1:4000>10.0.0.2:80"),
		hostFile(t, dir, "proxy", "S", at.Add(time.Second), "10.0.0.2:5000>10.0.0.3:5432", "10.0.0.2:80>10.0.0.1:4000"),
		hostFile(t, dir, "server", "T", at.Add(2*time.Second), "10.0.0.3:5432>10.0.0.2:5000"),
	} {
		from = append(from, "--from", name)
	}
	return dir, from
}

func TestHosts(t *testing.T) {
	t.Setenv("LC_ALL", "C.UTF-8")
	dir, from := chainOfHosts(t)
	for _, tt := range []struct {
		args   string
		status int
		want   []string // regular expressions that standard output must match
		stderr string
	}{
		{"why", 0, []string{
			`(?s)^holder-stopped: clientd\(31\)@client and proxyd\(31\)@proxy wait for serverd\(31\)@server, which is stopped \(likely`,
			`(?s)clientd\(31\)@client reads from.*proxyd\(31\)@proxy holds the other end.*serverd\(31\)@server holds the other end.*serverd\(31\)@server is stopped`,
		}, `^ipctop: client: .*client.json, taken `},
		{"why 31@client", 0, []string{`(?s)clientd\(31\)@client reads .*serverd\(31\)@server is stopped`}, ""},
		{"why clientd", 0, []string{`serverd\(31\)@server is stopped`}, ""},
		{"why tcp:1@proxy", 0, []string{`1 thread waits for tcp:1@proxy`}, ""},
		{"why 31", 0, []string{"clientd"}, "2 of 3 called 31 are stuck"},
		{"show 31", exitUsage, nil, `(?s)could be any of 3.*process:31@client.*process:31@proxy`},
		{"show process:31@proxy", 0, []string{`^proxyd\(31\)@proxy`}, ""},
		{"show 32@proxy", exitNotFound, nil, "host proxy: there is no process 32"},
		{"check", exitFindings, []string{`cause: serverd\(31\)@server, is stopped`}, ""},
		{"check --json", exitFindings, []string{`"host":"server","severity":"critical"`}, ""},
		{"check -Q host=='server' -o id", exitFindings, []string{`holder-stopped`}, ""},
		{"path clientd serverd", 0, []string{`(?s)^clientd\(31\)@client\n.*proxyd\(31\)@proxy\n.*serverd\(31\)@server\n$`}, ""},
		{"dump -o dot", 0, []string{`(?s)subgraph cluster_host2 \{\s+label="proxy";\s+p20000031;\s+\}`, `p10000031 -> p20000031 .*style=dashed`}, ""},
		{"dump -o pid --only processes", 0, []string{`^31@client\n31@proxy\n31@server\n$`}, ""},
		{"dump --only processes", 0, []string{`31@server +.*serverd@server`}, ""},
		{"dump -o jsonl", 0, []string{`^\{"type":"snapshot".*"hosts":\[\{"name":"client".*"pid_base":10000000`}, ""},
		{"check -o openmetrics", exitFindings, []string{
			`(?m)^ipctop_findings\{host="server",rule="holder-stopped",severity="critical",confidence="likely",container=""\} 1$`,
			`(?m)^ipctop_findings\{host="client",rule="holder-stopped",severity="critical",confidence="likely",container=""\} 0$`,
			`(?m)^ipctop_objects\{host="proxy",kind="tcp"\} 2$`, `(?m)^ipctop_blocked_threads\{host="client",kind="tcp",needs="data",idle="false"\} 1$`,
			`(?m)^ipctop_processes\{host="server"\} 1$`, `(?m)^# TYPE ipctop_processes gauge$`,
		}, ""},
		{"-b", 0, []string{`proxyd\(31\)@proxy ⇄ serverd\(31\)@server`}, ""},
	} {
		status, stdout, stderr := run(t, "", append(strings.Fields(tt.args), from...)...)
		ok := status == tt.status && regexp.MustCompile(tt.stderr).MatchString(stderr)
		for _, want := range tt.want {
			ok = ok && regexp.MustCompile(want).MatchString(stdout)
		}
		if !ok {
			t.Errorf("%s: status %d\n%s%s", tt.args, status, stdout, stderr)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "notes.txt"), []byte("not a dump"), 0o600); err != nil {
		t.Fatal(err)
	}
	status, stdout, stderr := run(t, "", "why", "--from", dir)
	if status != 0 || !strings.Contains(stdout, "serverd(31)@server is stopped") || !strings.Contains(stderr, "notes.txt is no dump and no recording: left out") {
		t.Errorf("a directory: status %d\n%s%s", status, stdout, stderr)
	}
}

// TestHostsAgain reads the merged dump of several hosts like any other dump, and finds the same.
func TestHostsAgain(t *testing.T) {
	t.Setenv("LC_ALL", "C.UTF-8")
	dir, from := chainOfHosts(t)
	_, document, _ := run(t, "", append([]string{"dump", "--json"}, from...)...)
	all := filepath.Join(dir, "all.json")
	if err := os.WriteFile(all, []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
	_, first, _ := run(t, "", append([]string{"why"}, from...)...)
	_, again, _ := run(t, "", "why", "--from", all)
	if first == "" || first != again {
		t.Errorf("from the document:\n%sfrom the files:\n%s", again, first)
	}
	if status, _, stderr := run(t, "", "why", "--from", all, from[0], from[1]); status != exitUsage || !strings.Contains(stderr, "already contains several hosts") {
		t.Errorf("merged once more: status %d, %s", status, stderr)
	}
	if status, _, stderr := run(t, "", "why", from[0], from[1], from[0], from[1]); status != exitUsage || !strings.Contains(stderr, "the same machine") {
		t.Errorf("twice the same: status %d, %s", status, stderr)
	}
}

// TestHostsRedacted: no host name is left in a redacted dump.
func TestHostsRedacted(t *testing.T) {
	_, from := chainOfHosts(t)
	_, document, stderr := run(t, "", append([]string{"dump", "--json", "--redact"}, from...)...)
	if !strings.Contains(document, "@host-1") {
		t.Fatalf("no pseudonym: %s%s", document, stderr)
	}
	for _, line := range strings.Split(document, "\n") {
		for _, name := range []string{"client", "proxy", "10.0.0"} {
			if strings.Contains(line, name) {
				t.Errorf("%s is in %s", name, line)
			}
		}
	}
}

// TestHostsOfStranger: a merged dump may come from anybody.
func TestHostsOfStranger(t *testing.T) {
	dir, from := chainOfHosts(t)
	_, document, _ := run(t, "", append([]string{"dump", "--json"}, from...)...)
	document = strings.ReplaceAll(document, `"name":"proxy"`, `"name":"pro\u001b[2Jxy"`)
	document = strings.ReplaceAll(document, `"host":"proxy"`, `"host":"pro\u001b[2Jxy"`)
	all := filepath.Join(dir, "all.json")
	if err := os.WriteFile(all, []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range []string{"why", "check", "dump", "dump --only processes", "dump -o pid --only processes", "dump -o dot", "show 31", "why --all 31", "show 20000031"} {
		_, stdout, stderr := run(t, "", append(strings.Fields(args), "--from", all)...)
		if strings.Contains(stdout+stderr, "\x1b") || stdout+stderr == "" {
			t.Errorf("%s: %q%q", args, stdout, stderr)
		}
	}
}

// recordingOf makes a recording whose samples are the given dumps.
func recordingOf(t *testing.T, name string, dumps ...string) string {
	t.Helper()
	file, err := recordfile.Open(name, record.Keep{})
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, dump := range dumps {
		text, err := os.ReadFile(dump)
		if err != nil {
			t.Fatal(err)
		}
		snap, err := model.Decode(bytes.NewReader(text))
		if err == nil {
			err = file.Append(snap)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return name
}

// TestReplayHosts steps through the recordings of a client and of its server. In the second
// sample the server is stopped.
func TestReplayHosts(t *testing.T) {
	t.Setenv("LC_ALL", "C.UTF-8")
	dir := t.TempDir()
	at := time.Date(2026, 11, 28, 12, 0, 0, 0, time.Local)
	of := func(host, socket string, states ...string) string {
		var dumps []string
		for i, state := range states {
			dumps = append(dumps, hostFile(t, t.TempDir(), host, state, at.Add(time.Duration(i)*10*time.Second), socket))
		}
		return recordingOf(t, filepath.Join(dir, host+".rec"), dumps...)
	}
	client := of("client", "10.0.0.1:4000>10.0.0.2:80", "S", "S", "S")
	server := of("server", "10.0.0.2:80>10.0.0.1:4000", "R", "T")
	for _, tt := range []struct {
		args   []string
		status int
		stdout string
		stderr string
	}{
		{[]string{client, server}, 0, `serverd(31)@server`, ``},
		{[]string{dir}, 0, `clientd(31)@client`, ``},
		{[]string{dir, "-t", "11:59"}, exitNotFound, ``, `begin at 2026-11-28 12:00:00: there is nothing from 11:59`},
		{[]string{client + "@12:00", server}, exitUsage, ``, `-t 12:00 is the time to begin at`},
		{[]string{client, client}, exitUsage, ``, `are of the same machine`},
	} {
		status, stdout, stderr := run(t, "", append([]string{"replay"}, tt.args...)...)
		if status != tt.status || !strings.Contains(stdout, tt.stdout) || !strings.Contains(stderr, tt.stderr) {
			t.Errorf("replay %v: status %d\n%s%s", tt.args, status, stdout, stderr)
		}
	}

	c := command{stderr: io.Discard}
	sources, err := c.openHosts(&options{maxMemory: model.DefaultMaxMemory}, []string{client, server}, false)
	if err != nil {
		t.Fatal(err)
	}
	defer closeAll(sources)
	f, start, err := c.timelineOf(sources, "12:00:01")
	if err != nil {
		t.Fatal(err)
	}
	if f.Len() != 2 || start != 0 {
		t.Errorf("%d steps, begins at %d; want 2, 0: the server's recording ends at 12:00:10", f.Len(), start)
	}
	for i, want := range []string{"", "holder-stopped"} {
		snap, err := f.load(i)
		if err != nil {
			t.Fatal(err)
		}
		var rules []string
		for i := range snap.Findings {
			rules = append(rules, snap.Findings[i].Rule)
		}
		if got := strings.Join(rules, " "); got != want {
			t.Errorf("step %d: findings %q, want %q", i, got, want)
		}
	}
}
