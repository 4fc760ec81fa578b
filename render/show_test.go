package render

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/model/modeltest"
	"github.com/ipctop/ipctop/query"
)

// compareShow compares text with a golden file.
func compareShow(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", "show", name+".txt")
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
	}
}

func showSnapshot() *model.Snapshot {
	start := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	hold := func(pid int32, comm string, fd int32, a model.Access) model.Holder {
		return model.Holder{PID: pid, Comm: comm, Via: model.ViaFD, FD: model.Some(fd), Access: a}
	}
	shared := hold(4121, "writer", 2, model.Write)
	shared.OFD = model.OFD{PID: 4121, FD: 1}
	attached := model.Holder{
		PID: 4188, Comm: "python3", Via: model.ViaAttach, Access: model.ReadWrite,
		Extent: &model.Extent{Address: 0x7f0000001000, Size: model.Some[int64](4096)},
	}
	return &model.Snapshot{
		Schema: model.Schema,
		Host:   model.Host{Namespaces: map[string]uint64{"net": 1, "ipc": 2}},
		Processes: []*model.Process{
			{PID: 911, Comm: "postgres", Label: "postgres", State: "S", Threads: 1},
			{
				PID: 4121, PPID: 911, PGID: 4121, SID: 4121, StartTime: start, NSPIDs: []int{7}, TTY: "pts/3", Comm: "writer", Label: "writer",
				Cmdline: []string{"writer", "-v", "/tmp"}, Exe: "/usr/bin/writer", UID: model.Some(1000), User: "ann", State: "S", Threads: 2,
				FDs: model.Some(5), Namespaces: map[string]uint64{"net": 9, "ipc": 2}, Unit: "writer.service", Cgroup: "/system.slice/writer.service",
				Container: &model.Container{ID: "3f2a9c0d1e4b", Name: "web", Pod: "web-0", PodNamespace: "shop"},
				Signals: &model.Signals{
					Pending: []string{"SIGUSR1"}, Blocked: []string{"SIGUSR1", "SIGRTMIN+1"}, Queued: model.Some[int64](3),
					QueueLimit: model.Some[int64](1000),
				},
				ThreadList: []model.Thread{
					{TID: 4121, Comm: "writer", State: "S"},
					{TID: 4122, Comm: "flush\x1b", State: "D", Wchan: "anon_pipe_write", Signals: &model.Signals{Blocked: []string{"SIGTERM"}}},
				},
			},
			{PID: 4188, StartTime: start.Add(time.Minute), Comm: "python3", Label: "pager.py", State: "S", Threads: 1, Frozen: true, Tracer: 77},
		},
		Objects: []*model.Object{
			{
				ID: "pipe:4242", Kind: model.Pipe, Name: "pipe:[4242]", Ino: 4242, Fill: model.Some(model.Ratio(1)),
				Holders: []model.Holder{hold(4121, "writer", 1, model.Write), shared, hold(4188, "python3", 0, model.Read)},
				Detail:  &model.PipeDetail{Queued: model.Some[int64](65536), Capacity: model.Some[int64](65536)}, HoldersComplete: true,
			},
			{
				ID: "unix:17", Kind: model.Unix, Name: "/run/x.sock", Namespace: &model.Namespace{Type: "net", Inode: 9},
				Peers:   []model.Peer{{ID: "unix:18", Confidence: model.Certain}},
				Holders: []model.Holder{hold(4121, "writer", 3, model.ReadWrite)},
				Detail:  &model.UnixDetail{Type: "stream", Path: "/run/x.sock", Pending: []string{"unix:19"}},
			},
			{ID: "unix:18", Kind: model.Unix, Holders: []model.Holder{hold(911, "postgres", 9, model.ReadWrite)}, Detail: &model.UnixDetail{}},
			{
				ID: "sysv-sem:3", Kind: model.SysvSem, Name: "0x000004d2", SysvID: model.Some(3), Mode: "0600", UID: model.Some(0),
				Detail: &model.SysvSemDetail{Key: "0x000004d2", OpTime: start, Sems: []model.Sem{
					{Value: model.Some(0), NCount: model.Some(1)}, {Value: model.Some(4), LastPID: model.Some(911)},
				}},
			},
			{
				ID: "sysv-shm:5", Kind: model.SysvShm, Name: "0x00000007", Holders: []model.Holder{attached},
				Detail: &model.SysvShmDetail{Size: model.Some[int64](1536 << 20), MarkedForRemoval: model.Some(true)},
			},
		},
		Links: []*model.Link{
			{Object: "pipe:4242", Kind: model.Pipe, From: []int{4121}, To: []int{4188}, FromComm: []string{"writer"}, ToComm: []string{"python3"}},
			{Object: "unix:17", Kind: model.Unix, From: []int{4121}, To: []int{911}, BothWays: true},
		},
		Waits: []model.Wait{{
			PID: 4121, TID: 4122, Comm: "flush", Call: "write", Needs: "space", Object: "pipe:4242", BlockedFor: model.Some[int64](192_000_000_000),
			Blockers: []model.Blocker{{PID: 4188, Comm: "python3"}},
		}},
		Findings: []model.Finding{{
			Severity: model.Warning, Confidence: model.Likely, Summary: "writer waits for pager.py", PIDs: []int{4121, 4188}, Objects: []string{"pipe:4242"},
		}},
	}
}

func TestShow(t *testing.T) {
	s := showSnapshot()
	quote := func(s string) string { q := strconv.QuoteToASCII(s); return q[1 : len(q)-1] }
	for name, ref := range map[string]string{
		"process": "4121", "frozen": "4188", "pipe": "pipe:4242", "unix": "unix:17", "semaphores": "sysv-sem:3", "memory": "sysv-shm:5",
	} {
		matches, err := query.Find(s, ref)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := Show(&b, model.NewIndex(s), matches, ShowOptions{Escape: quote}); err != nil {
			t.Fatal(err)
		}
		compareShow(t, name, b.Bytes())
	}
}

// TestOtherEnd: processes at the same end of a pipe are not listed as its other end.
func TestOtherEnd(t *testing.T) {
	s := showSnapshot()
	o := s.Objects[0]
	o.Holders = append(o.Holders, model.Holder{PID: 911, Via: model.ViaFD, Access: model.Write})
	x, text := model.NewIndex(s), newShowText(ShowOptions{})
	for pid, want := range map[int]string{4121: "pager.py(4188)", 911: "pager.py(4188)", 4188: "writer(4121), postgres(911)"} {
		for _, h := range showHeldBy(s, pid) {
			if h.object != o {
				continue
			}
			if got := text.otherEnd(x, pid, h); got != want {
				t.Errorf("of %d: %q, want %q", pid, got, want)
			}
		}
	}
}

func TestShowInASCII(t *testing.T) {
	s := showSnapshot()
	var b bytes.Buffer
	for i := range s.Objects {
		if err := Show(&b, model.NewIndex(s), []query.Match{{Object: s.Objects[i]}}, ShowOptions{ASCII: true}); err != nil {
			t.Fatal(err)
		}
	}
	for i, c := range b.Bytes() {
		if c >= 0x80 {
			t.Fatalf("byte %#x at %d: %q", c, i, b.Bytes()[max(0, i-40):i+10])
		}
	}
}

func TestKinds(t *testing.T) {
	pipe, _ := model.LookupKind(model.Pipe)
	sem, _ := model.LookupKind(model.SysvSem)
	var b bytes.Buffer
	if err := Kinds(&b, []model.KindInfo{pipe, sem}, true); err != nil {
		t.Fatal(err)
	}
	b.WriteString("\n")
	if err := KindDetails(&b, []model.KindInfo{pipe, sem}); err != nil {
		t.Fatal(err)
	}
	compareShow(t, "kinds", b.Bytes())
}

func TestDoctor(t *testing.T) {
	features := []model.Feature{
		{
			Group: "privilege", Name: "CAP_SYS_PTRACE", State: model.FeatureMissing, Found: "not effective", Hidden: "Descriptors of other users' processes",
			Argv: []string{"sudo", "/opt/my ipctop"},
		},
		{
			Group: "privilege", Name: "CAP_SYS_ADMIN", State: model.FeatureMissing, Found: "not effective", Hidden: "Other namespaces",
			Argv: []string{"sudo", "/opt/my ipctop"},
		},
		{Group: "kernel", Name: "kcmp", State: model.FeatureUnknown, Found: "operation not permitted", Hidden: "Shared descriptions", Advice: "use a kernel with it"},
		{Group: "place", Name: "kernel", State: model.FeatureOK, Found: "6.18"},
	}
	var b bytes.Buffer
	if err := Doctor(&b, features, modeltest.Rich(), func(s string) string { return "<" + s + ">" }, ShowOptions{}); err != nil {
		t.Fatal(err)
	}
	b.WriteString("\n")
	if err := Doctor(&b, features[3:], nil, nil, ShowOptions{}); err != nil {
		t.Fatal(err)
	}
	compareShow(t, "doctor", b.Bytes())
}

// TestEveryTopicIsFound: every topic in the list is found by its name.
func TestEveryTopicIsFound(t *testing.T) {
	topics := Topics(Topic{Name: "pipe-cycle", Group: "rule", Text: "a rule\n"})
	for _, name := range TopicNames(topics) {
		found := FindTopics(topics, name)
		if len(found) == 0 {
			t.Errorf("%s is listed and not found", name)
		}
		for _, f := range found {
			if f.Text == "" {
				t.Errorf("%s explains nothing", f.Name)
			}
		}
	}
	if got := FindTopics(topics, "no.such.thing"); got != nil {
		t.Errorf("found %v", got)
	}
}
