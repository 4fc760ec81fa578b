package report_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/ipctop/ipctop/diagnose/graph"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/model/modeltest"
	"github.com/ipctop/ipctop/render/report"
)

// hostile is a text that a name, or any text of an untrusted file, may contain.
const hostile = `"><script>document.documentElement.dataset.hostile=1</script><img src=//evil.example/x onerror="document.documentElement.dataset.hostile=1">` +
	`</style></title><base href=//evil.example/>` + "\x1b[31m\xff\u202e'+alert(1)+'{{.Policy}}"

// incident returns a snapshot in which two processes wait for a third one, and in which every
// field that can have untrusted text contains the hostile text.
func incident() *model.Snapshot {
	s := modeltest.Rich()
	name := func(n string) string { return n + hostile }
	s.Host.Hostname = name("web")
	for i, p := range s.Processes {
		q := *p
		q.Comm, q.Label, q.User, q.Cmdline = name("p"), name("label"), name("user"), []string{name("arg")}
		s.Processes[i] = &q
	}
	for i, o := range s.Objects {
		q := *o
		q.Name, q.Path = name("object"), "/"+hostile
		s.Objects[i] = &q
	}
	s.Links = model.MakeLinks(s.Objects)
	pid := s.Processes[0].PID
	s.Findings = []model.Finding{
		{
			ID: name("id"), Rule: name("rule"), Severity: model.Severity(name("critical")), Confidence: model.Confidence(name("likely")), Summary: name("summary"),
			Root:  &model.Root{PID: pid, Comm: name("root"), Doing: name("sleeps")},
			Chain: []model.Step{{PID: 4711, TID: 4711, Comm: name("a"), Object: name("pipe:1"), Relation: name("reads")}, {PID: 4712, TID: 4712, Comm: name("b"), Object: name("tcp:2"), Relation: name("writes")}},
			PIDs:  []int{pid, 4711}, LoweredBy: []string{name("doubt")}, Evidence: []model.Evidence{{Source: name("file"), Text: name("text")}},
			Actions: []model.Action{{Argv: []string{"kill", hostile}, Effect: name("ends it"), Risk: hostile}},
		},
		{
			ID: "deadlock,1", Rule: "deadlock", Severity: model.Critical, Confidence: model.Certain, Summary: "a circle",
			Chain: []model.Step{{PID: 4711, TID: 4711, Comm: "a", Object: "file:1", Relation: "wants a lock"}, {PID: 4712, TID: 4712, Comm: "b", Object: "file:2", Relation: "wants another"}},
		},
	}
	s.FromFile = true
	return s
}

func samples() []report.Sample {
	var list []report.Sample
	for i := range 10 {
		m := report.Sample{Taken: time.Date(2026, 11, 28, 12, 0, i, 0, time.UTC), Blocked: i, Fullest: model.Some(model.Ratio(0.1 * float64(i)))}
		if i > 3 && i != 6 {
			m.Findings = []report.SampleFinding{{ID: "id" + hostile, Rule: "rule" + hostile, Severity: model.Severity("critical" + hostile)}}
		}
		list = append(list, m)
	}
	return list
}

func page(t *testing.T, s *model.Snapshot, o report.Options) string {
	t.Helper()
	var b bytes.Buffer
	if err := report.Write(&b, graph.New(model.NewIndex(s)), o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestHostileNamesAreText searches the page for things that a name could inject: tags,
// attributes and invalid characters.
func TestHostileNamesAreText(t *testing.T) {
	text := page(t, incident(), report.Options{Source: hostile, Samples: samples(), Version: "1.0"})
	if !utf8.ValidString(text) || strings.ContainsAny(text, "\x1b\u202e") {
		t.Error("there are control characters, or bytes that are no text")
	}
	if n := strings.Count(text, "<script"); n != 1 {
		t.Errorf("%d scripts", n)
	}
	allowed := regexp.MustCompile(`^/?(a|article|b|body|circle|code|dd|desc|details|div|dl|dt|footer|h1|h2|h3|head|header|html|li|line|main|meta|nav|p|path|pre|rect|script|section|span|style|summary|svg|table|tbody|td|text|th|thead|title|tr|ul|!DOCTYPE)$`)
	body := text[strings.Index(text, "</style>"):strings.Index(text, "<script")]
	for _, tag := range regexp.MustCompile(`<([^\s>]*)([^>]*)>`).FindAllStringSubmatch(body, -1) {
		if !allowed.MatchString(tag[1]) {
			t.Errorf("there is a tag %s", tag[0])
		}
		for _, attribute := range regexp.MustCompile(`([^\s="]+)="([^"]*)"`).FindAllStringSubmatch(tag[2], -1) {
			name, value := attribute[1], attribute[2]
			if strings.HasPrefix(name, "on") || name == "src" || name == "style" || name == "href" && !strings.HasPrefix(value, "#") {
				t.Errorf("there is %s in %s", attribute[0], tag[0])
			}
		}
		if rest := regexp.MustCompile(`[^\s="]+="[^"]*"`).ReplaceAllString(tag[2], ""); strings.ContainsAny(rest, `="'`) {
			t.Errorf("an attribute is not quoted in %s", tag[0])
		}
	}
}

// TestPolicy: the style and the script in the page are those that its policy allows, byte
// for byte.
func TestPolicy(t *testing.T) {
	text := page(t, incident(), report.Options{})
	policy := html.UnescapeString(regexp.MustCompile(`Content-Security-Policy" content="([^"]*)"`).FindStringSubmatch(text)[1])
	for _, tag := range []string{"style", "script"} {
		inside := regexp.MustCompile(`(?s)<` + tag + `>(.*)</` + tag + `>`).FindStringSubmatch(text)[1]
		sum := sha256.Sum256([]byte(inside))
		if want := tag + "-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; !strings.Contains(policy, want) {
			t.Errorf("the policy is %q, without %s", policy, want)
		}
	}
	if !strings.HasPrefix(policy, "default-src 'none'; ") || strings.Contains(policy, "unsafe") {
		t.Errorf("the policy is %q", policy)
	}
}

func TestPageTells(t *testing.T) {
	s := modeltest.Rich()
	text := html.UnescapeString(page(t, s, report.Options{Samples: samples(), Version: "1.0", Source: "a.rec"}))
	for _, want := range []string{"<h1>db1</h1>", "from a.rec", `aria-labelledby="talk-t talk-d"`, `aria-labelledby="time-t time-d"`, "10 samples, at most 9 blocked threads", "nginx", "ipctop 1.0"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not there", want)
		}
	}
	s.Findings = nil
	if text := page(t, s, report.Options{}); !strings.Contains(text, "It was not looked for what is wrong.") || strings.Contains(text, "No finding.") {
		t.Error("it says that nothing is wrong where nobody looked")
	}
	s.Findings = []model.Finding{}
	if text := page(t, s, report.Options{}); !strings.Contains(text, "No finding.") || strings.Contains(text, "over-time") {
		t.Error("a snapshot without findings, and no recording")
	}
}

// TestLargeSnapshot limits the size of a page.
func TestLargeSnapshot(t *testing.T) {
	s := &model.Snapshot{Findings: []model.Finding{}}
	for i := range 5000 {
		s.Processes = append(s.Processes, &model.Process{PID: i + 1, Comm: "p" + strconv.Itoa(i), State: "S", Threads: 1})
		s.Links = append(s.Links, &model.Link{Object: "pipe:" + strconv.Itoa(i), Kind: model.Pipe, From: []int{i + 1}, To: []int{(i+7)%5000 + 1}, FromComm: []string{""}, ToComm: []string{""}})
		s.Findings = append(s.Findings, model.Finding{ID: strconv.Itoa(i), Rule: "pipe-full", Summary: "x", Severity: model.Warning})
	}
	text := page(t, s, report.Options{})
	if !strings.Contains(text, "3000 more are not in this page") || !strings.Contains(text, "4975 more are in the table") || !strings.Contains(text, "4970 more names") {
		t.Error("what was left out is not told")
	}
	if len(text) > 3<<20 {
		t.Errorf("%d bytes", len(text))
	}
}

// browse opens a page in a headless browser and returns the resulting document.
func browse(t *testing.T, text string) string {
	t.Helper()
	browser := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			browser = path
		}
	}
	if browser == "" {
		t.Skip("no Chromium is installed")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "page.html")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
		"--user-data-dir="+filepath.Join(dir, "profile"), "--dump-dom", "file://"+file)
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.Output()
	if err != nil || len(out) == 0 {
		t.Skipf("Chromium does not run here: %v", err)
	}
	return string(out)
}

// TestInBrowser: the page's own script runs, and no script in a name does.
func TestInBrowser(t *testing.T) {
	dom := browse(t, page(t, incident(), report.Options{Source: hostile, Samples: samples()}))
	if strings.Contains(dom, "data-hostile") || strings.Contains(dom, "<img") || strings.Contains(dom, "<base") {
		t.Error("a name has come to life")
	}
	if !strings.Contains(dom, `<th scope="col" title="`) || !strings.Contains(dom, `<button type="button">`) || !strings.Contains(dom, `type="search"`) {
		t.Error("the page's script has not run")
	}
}

// TestSortAndFilter clicks headings and types into a filter. For that it gives the page a
// policy that allows the test's script.
func TestSortAndFilter(t *testing.T) {
	s := &model.Snapshot{Findings: []model.Finding{}, Waits: []model.Wait{}}
	for _, pid := range []int{100, 9, 20} {
		s.Processes = append(s.Processes, &model.Process{PID: pid, Comm: "p" + strconv.Itoa(pid), State: "S", Threads: pid})
	}
	text := page(t, s, report.Options{})
	policy := regexp.MustCompile(`<meta http-equiv="Content-Security-Policy"[^>]*>`)
	text = policy.ReplaceAllString(text, "")
	text = strings.Replace(text, "</body>", `<script>
const t = [...document.querySelectorAll(".sheet")].find(s => s.querySelector("h2").textContent.startsWith("Processes"));
const pids = () => [...t.querySelectorAll("tbody tr:not([hidden])")].map(r => r.cells[0].textContent).join(" ");
const press = t.querySelector("th button");
press.click(); let said = "up:" + pids();
press.click(); said += ";down:" + pids();
const f = t.querySelector("input"); f.value = "P20"; f.dispatchEvent(new Event("input"));
said += ";filtered:" + pids() + ";" + t.querySelector(".count").textContent;
document.title = said;
</script></body>`, 1)
	dom := browse(t, text)
	if want := "<title>up:9 20 100;down:100 20 9;filtered:20;1 of 3</title>"; !strings.Contains(dom, want) {
		t.Errorf("%s, want %s", regexp.MustCompile(`<title>[^<]*</title>`).FindString(dom), want)
	}
}
