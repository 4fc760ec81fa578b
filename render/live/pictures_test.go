package live

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/model/modeltest"
	"github.com/ipctop/ipctop/render"
)

// palette says how roles look in a picture.
type palette struct {
	text, back string
	roles      map[Role]string // attributes of SVG text
}

var palettes = map[string]palette{
	"dark": {"#d8d8d8", "#16181d", map[Role]string{
		Title: `font-weight="bold"`, Heading: `font-weight="bold"`, Dim: `fill="#8a8f98"`, Rule: `fill="#5b606b"`, Warn: `fill="#d7af5f"`,
		Critical: `fill="#ff6b6b" font-weight="bold"`, KeyName: `fill="#5fafaf"`, Current: `fill="#5fafaf" font-weight="bold"`, Match: `text-decoration="underline"`,
	}},
	"light": {"#24292e", "#ffffff", map[Role]string{
		Title: `font-weight="bold"`, Heading: `font-weight="bold"`, Dim: `fill="#6a737d"`, Rule: `fill="#959da5"`, Warn: `fill="#8a3ffc"`,
		Critical: `fill="#a40e26" font-weight="bold"`, KeyName: `fill="#032f62"`, Current: `fill="#032f62" font-weight="bold"`, Match: `text-decoration="underline"`,
	}},
	"mono": {"#d8d8d8", "#16181d", map[Role]string{
		Title: `font-weight="bold"`, Heading: `font-weight="bold"`, Dim: `opacity="0.6"`, Rule: `opacity="0.6"`, Warn: `font-weight="bold"`,
		Critical: `font-weight="bold" text-decoration="underline"`, KeyName: `font-weight="bold"`, Current: `font-weight="bold" text-decoration="underline"`,
	}},
}

// The size of a cell in a picture.
const (
	cellWidth  = 8.4
	cellHeight = 18
)

// svg draws a frame.
func svg(lines []Line, width int, p palette) []byte {
	var b bytes.Buffer
	w, h := float64(width)*cellWidth+16, len(lines)*cellHeight+16
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%d" viewBox="0 0 %.0f %d">`+"\n", w, h, w, h)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" rx="6" fill="%s"/>`+"\n", p.back)
	fmt.Fprintf(&b, `<g font-family="ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="14" fill="%s">`+"\n", p.text)
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
	for y, l := range lines {
		base := 8 + y*cellHeight + 14
		if l.Selected {
			fmt.Fprintf(&b, `<rect x="8" y="%d" width="%.1f" height="%d" fill="%s"/>`+"\n", base-14, float64(width)*cellWidth, cellHeight, p.text)
		}
		at := 0
		for _, s := range l.Spans {
			look := p.roles[s.Role]
			if l.Selected {
				look = `fill="` + p.back + `"`
			}
			// Each word gets its own position, independent of the width of spaces in the font.
			for _, word := range strings.SplitAfter(s.Text, " ") {
				n := render.Width(word)
				if text := strings.TrimSpace(word); text != "" {
					fmt.Fprintf(&b, `<text x="%.1f" y="%d" textLength="%.1f" %s>%s</text>`+"\n", 8+float64(at)*cellWidth, base, float64(render.Width(text))*cellWidth,
						look, escape.Replace(text))
				}
				at += n
			}
		}
	}
	b.WriteString("</g>\n</svg>\n")
	return b.Bytes()
}

// demo returns a machine on which billing and reports wait for each other, and a pipe is
// full.
func demo() *model.Snapshot {
	at := modeltest.Taken
	process := func(pid int, name, user string) *model.Process {
		return &model.Process{PID: pid, StartTicks: uint64(pid), PPID: 1, Comm: name, Label: name, User: user, State: "S", Threads: 1, FDs: model.Some(6), Cmdline: []string{name}}
	}
	flock := func(id, path string, by, waits int) *model.Object {
		return &model.Object{
			ID: id, Kind: model.File, Name: path, Path: path, HoldersComplete: true,
			Holders: []model.Holder{
				{PID: int32(by), Via: model.ViaFD, FD: model.Some[int32](3), Access: model.ReadWrite}, {PID: int32(waits), Via: model.ViaFD, FD: model.Some[int32](4), Access: model.ReadWrite},
			},
			Detail: &model.FileDetail{Size: model.Some[int64](0), Locks: []model.Lock{
				{Type: "flock", Mode: "WRITE", PID: model.Some(by), Holders: []int{by}}, {Type: "flock", Mode: "WRITE", PID: model.Some(waits), Blocked: true, BlockedBy: []int{by}},
			}},
		}
	}
	pipe := &model.Object{
		ID: "pipe:88213", Kind: model.Pipe, Name: "pipe:[88213]", HoldersComplete: true, Fill: model.NewRatio(model.Some[int64](65536), model.Some[int64](65536)),
		Holders: []model.Holder{
			{PID: 784, Comm: "yes", Via: model.ViaFD, FD: model.Some[int32](1), Access: model.Write}, {PID: 785, Comm: "sleep", Via: model.ViaFD, FD: model.Some[int32](0), Access: model.Read},
		},
		Detail: &model.PipeDetail{Queued: model.Some[int64](65536), Capacity: model.Some[int64](65536)},
	}
	db := func(a, b string, pid int, other string) *model.Object {
		return &model.Object{
			ID: a, Kind: model.Unix, HoldersComplete: true, Peers: []model.Peer{{ID: b, Confidence: model.Certain}},
			Holders: []model.Holder{{PID: int32(pid), Via: model.ViaFD, FD: model.Some[int32](5), Access: model.ReadWrite}},
			Detail:  &model.UnixDetail{Type: "stream", State: "established", Path: other},
		}
	}
	wait := func(pid int, call, needs, object string, age time.Duration) model.Wait {
		return model.Wait{PID: pid, TID: pid, Call: call, Needs: needs, Object: object, Confirmed: true, BlockedFor: model.Some(int64(age)), Timed: model.Some(false)}
	}
	idle := wait(812, "epoll_wait", model.NeedsEvent, "", time.Hour)
	idle.Idle = true
	s := &model.Snapshot{
		Taken: at, Host: model.Host{Hostname: "db1"}, Scan: model.Scan{Duration: 84e6, Processes: 231},
		Processes: []*model.Process{
			process(1, "systemd", "root"), process(38, "billing", "shop"), process(39, "reports", "shop"), process(784, "yes", "ann"), process(785, "sleep", "ann"),
			process(812, "postgres", "postgres"), process(900, "php-fpm", "www"),
		},
		Objects: []*model.Object{
			flock("file:8:1:10", "/tmp/demo/ledger.lck", 39, 38), flock("file:8:1:11", "/tmp/demo/invoices.lck", 38, 39), pipe,
			db("unix:500", "unix:501", 900, ""), db("unix:501", "unix:500", 812, "/run/postgresql/.s.PGSQL.5432"),
		},
		Waits: []model.Wait{
			wait(38, "flock", model.NeedsLock, "file:8:1:10", 7*time.Second), wait(39, "flock", model.NeedsLock, "file:8:1:11", 7*time.Second),
			wait(784, "write", model.NeedsSpace, "pipe:88213", 41*time.Second), idle,
		},
		Limits: []model.Limit{
			{Name: "fs.file-max", Used: model.Some[int64](310), Max: model.Some[int64](1000)},
			{Name: "/dev/shm size", Used: model.Some[int64](3), Max: model.Some[int64](100)},
			{Name: "kernel.msgmni", Used: model.Some[int64](12), Max: model.Some[int64](32000)},
		},
		Findings: []model.Finding{
			{
				ID: "deadlock,38", Rule: "deadlock", Title: "deadlock", Severity: model.Critical, Confidence: model.Certain, Since: at.Add(-7 * time.Second), Victims: []int{38, 39},
				PIDs: []int{38, 39}, Objects: []string{"file:8:1:10", "file:8:1:11"}, Summary: "billing(38) and reports(39) wait for each other",
				Chain: []model.Step{{PID: 38, TID: 38, Comm: "billing", Object: "file:8:1:10", Relation: "wants an exclusive flock lock on /tmp/demo/ledger.lck"}, {PID: 39, TID: 39, Comm: "reports", Object: "file:8:1:11", Relation: "wants an exclusive flock lock on /tmp/demo/invoices.lck"}},
				Actions: []model.Action{
					{Argv: []string{"kill", "38"}, Effect: "ends billing(38); reports(39) gets its lock", Risk: "ends-process"},
					{Argv: []string{"kill", "39"}, Effect: "ends reports(39); billing(38) gets its lock", Risk: "ends-process"},
				},
			},
			{
				ID: "pipe-full,785", Rule: "pipe-full", Title: "writer blocked at a full pipe", Severity: model.Warning, Confidence: model.Certain, Since: at.Add(-41 * time.Second),
				Victims: []int{784}, PIDs: []int{784, 785}, Objects: []string{"pipe:88213"}, Summary: "yes(784) cannot write: sleep(785) does not read",
				Chain: []model.Step{{PID: 784, TID: 784, Comm: "yes", Object: "pipe:88213", Relation: "writes to fd 1"}}, Root: &model.Root{PID: 785, Comm: "sleep", Doing: "sleeps 33m more"},
			},
		},
	}
	s.Links = model.MakeLinks(s.Objects)
	return s
}

// TestPictures: the pictures in the documentation are real frames; make pictures draws them
// again.
func TestPictures(t *testing.T) {
	for _, c := range []struct {
		name, keys, palette string
		width, height       int
	}{
		{"overview", "1", "dark", 100, 24},
		{"overview-light", "1", "light", 100, 24},
		{"overview-mono", "1", "mono", 80, 24},
		{"actions", "1 k", "dark", 100, 16},
		{"locks", "6", "dark", 100, 16},
		{"procs", "2", "dark", 120, 20},
	} {
		v := newView(t, usual, c.width, c.height)
		v.scan(demo())
		v.keys(c.keys)
		got := svg(Lines(v.m, c.width, c.height), c.width, palettes[c.palette])
		file := filepath.Join("..", "..", "docs", "pictures", c.name+".svg")
		if *update {
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, got, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if want, err := os.ReadFile(file); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what the view draws (make pictures): %v", file, err)
		}
	}
	v := newView(t, usual, 100, 24)
	v.scan(demo())
	golden(t, "demo-100x24.txt", []byte(v.frame()))
}
