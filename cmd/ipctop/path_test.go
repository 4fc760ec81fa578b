package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/testfixtures"
)

// routeFile is a dump in which a client communicates with a database through a proxy.
func routeFile(t *testing.T) string {
	t.Helper()
	hold := func(pid int32, comm string, a model.Access) model.Holder {
		return model.Holder{PID: pid, Comm: comm, Via: model.ViaFD, FD: model.Some[int32](3), Access: a}
	}
	socket := func(id, peer string, pid int32, comm, path string) *model.Object {
		return &model.Object{
			ID: id, Kind: model.Unix, Path: path, Name: path, Holders: []model.Holder{hold(pid, comm, model.ReadWrite)},
			Peers: []model.Peer{{ID: peer, Confidence: model.Certain}}, Detail: &model.UnixDetail{Type: "stream", Path: path},
		}
	}
	s := &model.Snapshot{
		Schema: model.Schema,
		Processes: []*model.Process{
			{PID: 10, Comm: "client", Label: "client"},
			{PID: 11, Comm: "pro\x1b[31mxy", Label: "pro\x1b[31mxy"},
			{PID: 12, Comm: "db", Label: "db"},
			{PID: 13, Comm: "other", Label: "other"},
		},
		Objects: []*model.Object{
			{ID: "pipe:77", Kind: model.Pipe, Holders: []model.Holder{hold(12, "db", model.Write), hold(11, "pro\x1b[31mxy", model.Read)}, Detail: &model.PipeDetail{}},
			socket("unix:1", "unix:2", 10, "client", ""), socket("unix:2", "unix:1", 11, "pro\x1b[31mxy", "/run/x.sock"),
		},
	}
	s.Links = model.MakeLinks(s.Objects)
	var b bytes.Buffer
	if err := model.Encode(&b, s); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "dump.json")
	if err := os.WriteFile(name, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestPath(t *testing.T) {
	t.Setenv("LC_ALL", "C.UTF-8")
	dump := routeFile(t)
	for _, tt := range []struct {
		args, stdout, stderr string
		status               int
	}{
		{"client db", "client(10)\n  ⇄ unix:1  /run/x.sock\npro\\x1b[31mxy(11)\n  ← pipe:77\ndb(12)\n", "", 0},
		{"db 10", "db(12)\n  → pipe:77\npro\\x1b[31mxy(11)\n  ⇄ unix:2  /run/x.sock\nclient(10)\n", "", 0},
		{"/run/x.sock db", "pro\\x1b[31mxy(11)\n  ← pipe:77\ndb(12)\n", "", 0},
		{"client other", "", "no way from client to other among 2 channels", exitNotFound},
		{"client client", "", "one process", exitUsage},
		{"client pipe:7", "", "pipe:7", exitNotFound},
		{"client", "", "name two", exitUsage},
		{"client db --json", `"steps":[{"from":{"pid":10,"comm":"client"},"to":{"pid":11,`, "", 0},
	} {
		status, stdout, stderr := run(t, "", append([]string{"path", "--from", dump}, strings.Fields(tt.args)...)...)
		if status != tt.status || !strings.Contains(stdout, tt.stdout) || tt.stdout == "" && stdout != "" || !strings.Contains(stderr, tt.stderr) {
			t.Errorf("path %s: status %d\n%s%s", tt.args, status, stdout, stderr)
		}
	}
}

// TestPathOnThisMachine: a real pipe between two processes.
func TestPathOnThisMachine(t *testing.T) {
	made, err := testfixtures.Start(t.Context(), "pipe")
	if err != nil {
		t.Fatal(err)
	}
	defer made.Close()
	inst := &made.Instances[0]
	if len(inst.PIDs) < 2 {
		t.Fatalf("the fixture has processes %v", inst.PIDs)
	}
	status, stdout, stderr := run(t, "", "path", strconv.Itoa(inst.PIDs[0]), strconv.Itoa(inst.PIDs[1]))
	if status != exitOK || strings.Count(stdout, "\n") != 3 || !strings.Contains(stdout, inst.Object) {
		t.Errorf("status %d\n%s%s", status, stdout, stderr)
	}
}
