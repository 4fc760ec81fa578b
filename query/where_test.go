package query

import (
	"strings"
	"testing"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/model/modeltest"
)

func pipe(d *model.PipeDetail, holders ...model.Holder) *model.Object {
	return &model.Object{ID: "pipe:1", Kind: model.Pipe, Ino: 1, Holders: holders, Detail: d}
}

// TestUnknown applies expressions to a pipe with 9 bytes, a pipe whose fill is unknown, and
// a socket, which has no fill.
func TestUnknown(t *testing.T) {
	known := pipe(&model.PipeDetail{Queued: model.Some(int64(9))}, model.Holder{PID: 1, Comm: "nginx", FD: model.Some(int32(3))})
	unknown := pipe(&model.PipeDetail{}, model.Holder{PID: 1, Comm: "nginx"})
	socket := &model.Object{ID: "tcp:1", Kind: model.TCP, Detail: &model.InetDetail{State: "LISTEN"}}
	for _, c := range []struct {
		expression string
		want       string // + kept, - not, ? left out and counted
	}{
		{`detail.queued > 5`, "+?-"},
		{`!(detail.queued > 5)`, "-?-"},
		{`not (detail.queued <= 5)`, "+?-"},
		{`detail.queued != 9`, "-?-"},
		{`!(detail.queued == 9)`, "-?-"},
		{`detail.queued > 5 || kind == "pipe"`, "++-"},
		{`kind == "tcp" || detail.queued > 5`, "+?+"},
		{`kind == "tcp" && detail.queued > 5`, "---"},
		{`!(kind == "pipe" && detail.queued > 5)`, "-?+"},
		{`detail.queued == nil`, "-++"},
		{`nil != detail.queued`, "+--"},
		{`(detail.queued ?? 0) > 5`, "+--"},
		{`!((detail.queued ?? 0) > 5)`, "-++"},
		{`detail.queued > 5 ? true : false`, "+?-"},
		{`kind == "tcp" ? true : detail.queued > 5`, "+?+"},
		{`detail.queued + 1 > 5`, "+?-"},
		{`(detail.queued > 5) == true`, "+?-"},
		{`detail.queued in [9, 10]`, "+?-"},
		{`detail.queued not in [1]`, "+?-"},
		{`any(holders, .fd == 3)`, "+?-"},
		{`any(holders, .fd == 3 || .pid == 1)`, "++-"},
		{`all(holders, .fd == 3)`, "+?+"},
		{`none(holders, .fd == 3)`, "-?+"},
		{`!any(holders, .fd == 3)`, "-?+"},
		{`count(holders, .fd == 3) == 1`, "+?-"},
		{`len(filter(holders, .fd == 3)) == 1`, "+?-"},
		{`holders[0].comm == "nginx"`, "++-"},
		{`holders[-1].comm == "nginx"`, "++-"},
		{`!(holders[7].comm == "nginx")`, "---"},
		{`find(holders, .comm == "nginx").pid == 1`, "++-"},
		{`find(holders, .comm == "nobody").pid == 1`, "---"},
		{`let q = detail.queued; q > 5`, "+?-"},
		{`len(holders) > 0`, "++-"},
		{`id startsWith "pipe" and kind matches "^p"`, "++-"},
		{`holders | any(.comm contains "gin")`, "++-"},
		{`detail?.queued > 5`, "+?-"},
		{`detail["queued"] > 5`, "+?-"},
		{`detail.state == "LISTEN"`, "--+"},
		{`!deleted`, "+++"},
		{`ino == "1"`, "++?"},
		{`namespace.inode == 5`, "???"},
		{`namespace == nil`, "+++"},
	} {
		w, err := CompileWhere[model.Object](c.expression)
		if err != nil {
			t.Errorf("%s: %v", c.expression, err)
			continue
		}
		got := ""
		for _, o := range []*model.Object{known, unknown, socket} {
			before := leftOut(w.LeftOut())
			switch {
			case w.Match(o):
				got += "+"
			case leftOut(w.LeftOut()) > before:
				got += "?"
			default:
				got += "-"
			}
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s (%v)", c.expression, got, c.want, w.LeftOut())
		}
	}
}

func leftOut(list []LeftOut) int {
	n := 0
	for _, l := range list {
		n += l.Count
	}
	return n
}

func TestLeftOut(t *testing.T) {
	w, err := CompileWhere[model.Object](`detail.queued > 5 && detail.capacity > 5`)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		w.Match(pipe(&model.PipeDetail{Capacity: model.Some(int64(9))}))
	}
	w.Match(pipe(&model.PipeDetail{}))
	list := w.LeftOut()
	if len(list) != 2 || list[0].String() != "3 objects were left out because detail.queued is unknown" ||
		list[1].String() != "1 object was left out because detail.queued and detail.capacity are unknown" {
		t.Error(list)
	}
}

func TestWhereErrors(t *testing.T) {
	for expression, want := range map[string]string{
		``:                          "the expression is empty",
		`kind ==`:                   "unexpected token EOF",
		`kin == "pipe"`:             `there is no field "kin": did you mean kind?`,
		`detial.queued > 5`:         `did you mean detail?`,
		`detail.queud > 5`:          `there is no field "detail.queud": did you mean detail.queued?`,
		`queued > 5`:                `did you mean detail.queued?`,
		`any(holders, .com == "x")`: `did you mean #.comm?`,
		`any(holders, com == "x")`:  `there is no field "com"`,
		`lenn(holders) > 1`:         `did you mean len?`,
		`kind == 5`:                 "mismatched types string and int",
		`kind`:                      "bool",
		`holders[0] == holders[1]`:  "compare one of its fields",
		`get(detail, "queued") > 5`: `there is no function "get"`,
		`$env.kind == "pipe"`:       `there is no field`,
		`detail[kind] == 5`:         `write it as .name`,
		`kind matches "("`:          "missing closing",
	} {
		_, err := CompileWhere[model.Object](expression)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", expression, err, want)
			continue
		}
		if strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "struct {") {
			t.Errorf("%s: not fit for a user: %v", expression, err)
		}
	}
}

func TestOtherRecords(t *testing.T) {
	s := modeltest.Rich()
	f, err := CompileWhere[model.Finding](`severity == "warning" && 812 in pids && root.comm == "less"`)
	if err != nil || !f.Match(&s.Findings[0]) {
		t.Errorf("findings: %v", err)
	}
	p, err := CompileWhere[model.Process](`"SIGTERM" in signals.pending && uid == 812 && namespaces.ipc == nil`)
	if err != nil {
		t.Fatal(err)
	}
	matched := 0
	for i := range s.Processes {
		if p.Match(s.Processes[i]) {
			matched++
		}
	}
	if matched != 1 {
		t.Errorf("%d processes", matched)
	}
	for _, list := range []string{"gaps", "limits", "processes", "objects", "links", "waits", "findings"} {
		if _, err := CompileCondition(list, `true`); err != nil {
			t.Errorf("%s: %v", list, err)
		}
	}
}

// FuzzWhere: every expression that compiles runs on every record without an error.
func FuzzWhere(f *testing.F) {
	for _, s := range []string{
		`detail.queued > 5`, `any(holders, .comm == "x")`, `let a = 1; a > fill`, `detail.sems[0].value == 0`, `1 in map(holders, .pid)`,
		`reduce(holders, #acc + .pid, 0) > 1`, `sortBy(holders, .pid)[0].fd == 1`, `namespace?.type ?? "x" == "net"`, `kind in ["a"] ? fill > 1 : true`,
		`groupBy(holders, .comm)["x"][0].pid == 1`, `holders[0:1] | len() > 0`, `{"a": detail}.a.queued > 1`, `[detail][0].queued > 1`,
	} {
		f.Add(s)
	}
	objects := modeltest.Rich().Objects
	f.Fuzz(func(t *testing.T, expression string) {
		w, err := CompileWhere[model.Object](expression)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("an error of several lines: %q", err)
			}
			return
		}
		for i := range objects {
			w.Match(objects[i])
		}
	})
}

func BenchmarkWhere(b *testing.B) {
	w, err := CompileWhere[model.Object](`kind == "pipe" && detail.queued > 4096 && any(holders, .comm == "nginx")`)
	if err != nil {
		b.Fatal(err)
	}
	o := pipe(&model.PipeDetail{Queued: model.Some(int64(9999))}, model.Holder{PID: 2, Comm: "less"}, model.Holder{PID: 1, Comm: "nginx"})
	b.ReportAllocs()
	for b.Loop() {
		w.Match(o)
	}
}
