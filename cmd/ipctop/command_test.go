package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/ipctop/ipctop/model"
)

// run runs ipctop within the test.
func run(t *testing.T, stdin string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	c := command{strings.NewReader(stdin), &out, &errs}
	status = c.main(t.Context(), args)
	return status, out.String(), errs.String()
}

// dumpFile writes a small dump and returns its name.
func dumpFile(t *testing.T) string {
	t.Helper()
	hold := func(pid int32, comm string, fd int32, a model.Access) model.Holder {
		return model.Holder{PID: pid, Comm: comm, Via: model.ViaFD, FD: model.Some(fd), Access: a}
	}
	s := &model.Snapshot{
		Schema: model.Schema,
		Processes: []*model.Process{
			{PID: 10, Comm: "writer", Label: "writer", State: "S", Threads: 1},
			{PID: 11, Comm: "reader", Label: "reader", State: "S", Threads: 1},
			{PID: 12, Comm: "reader", Label: "reader", State: "S", Threads: 1},
			{PID: 13, Comm: "e\x1b[31mvil\n", Label: "e\x1b[31mvil\n", State: "S", Threads: 1},
		},
		Objects: []*model.Object{{
			ID: "pipe:77", Kind: model.Pipe, Ino: 77, Fill: model.Some(model.Ratio(0.5)),
			Holders: []model.Holder{hold(10, "writer", 1, model.Write), hold(13, "e\x1b[31mvil\n", 0, model.Read)},
			Detail:  &model.PipeDetail{Queued: model.Some[int64](32768), Capacity: model.Some[int64](65536)},
		}},
	}
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

func TestCommands(t *testing.T) {
	dump := dumpFile(t)
	for _, test := range []struct {
		args   string
		status int
		stdout string // must be in the output; "": it is empty
		stderr string // same for standard error
	}{
		{"show writer --from " + dump, 0, "pipe:77", ""},
		{"show pipe:[77] --from " + dump, 0, "bytes in it, of its capacity", ""},
		{"show pipe:77 --json --from " + dump, 0, `"objects":[`, ""},
		{"show reader --from " + dump, 2, "", "reader could be any of 2; name one of them:"},
		{"show -a reader --from " + dump, 0, "reader(12)", ""},
		{"show raeder --from " + dump, 5, "", "there is reader"},
		{"show 77 --from " + dump, 5, "", "there is no process 77; the number is that of pipe:77"},
		{"show /proc/self/fd/1 --from " + dump, 2, "", "ipctop itself"},
		{"nonsense", 2, "", `unknown command "nonsense"`},
		{"-d soon", 2, "", "seconds"},
		{"-d 0", 2, "", "at least 100ms"},
		{"-n -1", 2, "", "-n"},
		{"--theme pink", 2, "", "default, light, mono"},
		{"--from " + dump, 0, "writer(10)", ""},
		{"-b -n 2 -d 0.1 --from " + dump, 0, "pipe:77", ""},
		{"show", 2, "", "say what to show"},
		{"show --types pipe:77 --from " + dump, 2, "", "--types"},
		{"show -o xml 1", 2, "", "it is one of text, json"},
		{"kinds", 0, "anonymous pipe", ""},
		{"kinds -o wide", 0, "fifo(7), mkfifo(3)", ""},
		{"kinds --json", 0, `"name": "pipe"`, ""},
		{"kinds fifo", 0, "What cannot be seen", ""},
		{"kinds pipes", 5, "", "there is no kind pipes (see ipctop kinds); there is pipe"},
		{"explain", 0, "Reasons why something could not be read", ""},
		{"explain detail.queued", 0, "unit          bytes", ""},
		{"explain holders.ofd", 0, "open file description", ""},
		{"explain gap.reason", 0, "gaps.reason", ""},
		{"explain objects[].holders[].fd", 0, "objects.holders.fd,", ""},
		{"explain Denied", 0, "The kernel refused", ""},
		{"explain pipe", 0, "A byte stream", ""},
		{"explain pipe full", 0, "pipe-full, on the screen pipe full", ""},
		{"explain left behind", 0, "orphan-sysv-shm", ""},
		{"explain zombies", 0, "False alarms", ""},
		{"explain qeued", 5, "", "nothing is called qeued"},
		{"doctor", 0, "The proc file system", ""},
		{"doctor --json", 0, `"state":"ok"`, ""},
		{"doctor x", 2, "", "takes no arguments"},
		{"completion bash", 0, "__start_ipctop", ""},
		{"completion zsh", 0, "#compdef ipctop", ""},
		{"completion fish", 0, "complete -c ipctop", ""},
		{"completion powershell", 0, "Register-ArgumentCompleter", ""},
		{"completion csh", 2, "", "bash, zsh, fish, powershell"},
		{"completion", 2, "", "name one shell"},
		{"man", 0, `.TH "IPCTOP" "1"`, ""},
		{"man a b", 2, "", "one directory"},
		{"man " + filepath.Join(dump, "x"), 2, "", "neither a command nor a directory"},
	} {
		status, stdout, stderr := run(t, "", strings.Fields(test.args)...)
		if status != test.status {
			t.Errorf("ipctop %s: status %d, want %d (%s)", test.args, status, test.status, stderr)
		}
		for what, got := range map[string][2]string{"stdout": {stdout, test.stdout}, "stderr": {stderr, test.stderr}} {
			if got[1] == "" && got[0] != "" || !strings.Contains(got[0], got[1]) {
				t.Errorf("ipctop %s: %s is %q, want %q in it", test.args, what, got[0], got[1])
			}
		}
	}
}

func TestShowEscapes(t *testing.T) {
	dump := dumpFile(t)
	for _, ref := range []string{"13", "10", "pipe:77"} {
		_, stdout, _ := run(t, "", "show", ref, "--from", dump)
		if strings.Contains(stdout, "\x1b") || !strings.Contains(stdout, `e\x1b[31mvil\n(13)`) {
			t.Errorf("show %s:\n%q", ref, stdout)
		}
	}
}

func TestShowReadsStandardInput(t *testing.T) {
	b, err := os.ReadFile(dumpFile(t))
	if err != nil {
		t.Fatal(err)
	}
	if status, stdout, stderr := run(t, string(b), "show", "pipe:77", "--from", "-"); status != 0 || !strings.Contains(stdout, "writer(10)") {
		t.Errorf("status %d, %q, %q", status, stdout, stderr)
	}
	if status, _, stderr := run(t, "", "show", "pipe:77", "--from", "-"); status != 1 || !strings.Contains(stderr, "empty") {
		t.Errorf("an empty dump: status %d, %q", status, stderr)
	}
}

func TestShowJSONIsADump(t *testing.T) {
	_, stdout, _ := run(t, "", "show", "writer", "-o", "json", "--from", dumpFile(t))
	s, err := model.Decode(strings.NewReader(stdout))
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Processes) != 1 || s.Processes[0].PID != 10 || len(s.Objects) != 1 || s.Objects[0].ID != "pipe:77" {
		t.Errorf("got %d processes and %d objects:\n%s", len(s.Processes), len(s.Objects), stdout)
	}
}

func TestShowOnThisMachine(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	ref := "/proc/" + strconv.Itoa(os.Getpid()) + "/fd/" + strconv.Itoa(int(r.Fd()))
	link, err := os.Readlink(ref)
	if err != nil {
		t.Fatal(err)
	}
	status, stdout, stderr := run(t, "", "show", ref)
	id := strings.NewReplacer("[", "", "]", "").Replace(link)
	if status != 0 || !strings.HasPrefix(stdout, id+"  anonymous pipe") {
		t.Errorf("show %s (%s): status %d, %q, %q", ref, link, status, stdout, stderr)
	}
}

func TestCompleteReferences(t *testing.T) {
	dump := dumpFile(t)
	for prefix, want := range map[string]string{
		"1":     "10\twriter\n11\treader\n12\treader\n13\t\"e\\x1b[31mvil\\n\"\n:4\n",
		"re":    "reader\t2 processes\n:4\n",
		"pipe:": "pipe:77\theld by writer(10), \"e\\x1b[31mvil\\n(13)\"\n:4\n",
		"sysv":  "sysv-msg:\tSystem V message queue\nsysv-sem:\tSystem V semaphore set\nsysv-shm:\tSystem V shared memory segment\n:6\n",
		"/ru":   ":0\n",
	} {
		if _, stdout, _ := run(t, "", "__complete", "--from", dump, "show", prefix); stdout != want {
			t.Errorf("%q completes to\n%q\nwant\n%q", prefix, stdout, want)
		}
	}
	if _, stdout, _ := run(t, "", "__complete", "kinds", "fi"); stdout != "fifo\tnamed pipe\nfile\tshared file\n:4\n" {
		t.Errorf("kinds: %q", stdout)
	}
	if _, stdout, _ := run(t, "", "__complete", "show", "-o", ""); stdout != "text\njson\n:4\n" {
		t.Errorf("formats: %q", stdout)
	}
}

func TestManWritesAllPages(t *testing.T) {
	dir := t.TempDir()
	if status, _, stderr := run(t, "", "man", dir); status != 0 {
		t.Fatal(stderr)
	}
	for name, page := range manPages(command{}.newRoot()) {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !bytes.Equal(got, page) {
			t.Errorf("%s: %v, and it is not the page", name, err)
		}
	}
}

func TestDoctorAnswersInThreeWays(t *testing.T) {
	_, stdout, _ := run(t, "", "doctor", "-o", "json")
	var doc struct {
		Schema   string
		Features []struct{ Name, Group, State, Found, Hidden string }
	}
	if err := json.Unmarshal([]byte(stdout), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.Schema != model.Schema || len(doc.Features) < 20 {
		t.Errorf("schema %q and %d features", doc.Schema, len(doc.Features))
	}
	for _, f := range doc.Features {
		switch model.FeatureState(f.State) {
		case model.FeatureOK, model.FeatureMissing, model.FeatureUnknown:
		default:
			t.Errorf("%s: state %q", f.Name, f.State)
		}
		if f.Found == "" || f.Group == "" || f.State != "ok" && f.Hidden == "" {
			t.Errorf("%+v says too little", f)
		}
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, errs bytes.Buffer
	if status := (command{nil, &out, &errs}).main(ctx, []string{"show", "1"}); status != exitFailed || out.Len() > 0 {
		t.Errorf("status %d, %q", status, out.String())
	}
}

// --debug says what each probe did, and does not change the output.
func TestDebug(t *testing.T) {
	status, stdout, stderr := run(t, "", "dump", "--json", "-k", "pipe", "--debug")
	if status != exitOK || !strings.HasPrefix(stdout, "{") {
		t.Errorf("status %d, %.100q", status, stdout)
	}
	for _, want := range []string{"level=DEBUG msg=probe probe=pipe took=", "msg=scan number=1"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("no %q in %q", want, stderr)
		}
	}
}
