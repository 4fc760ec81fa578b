package live

import (
	"strings"
	"testing"

	"github.com/ipctop/ipctop/model"
)

func TestContainsFold(t *testing.T) {
	for _, c := range []struct {
		s, wanted string
		want      bool
	}{
		{"nginx(9)", "NGINX", true},
		{"NGINX", "ginx", true},
		{"nginx", "nginy", false},
		{"", "a", false},
		{"a", "", true},
		{"ab", "abc", false},
		{"ÄRGER", "ärger", true},
		{"x Ärger", "rger", true},
		{"数据库", "据", true},
		{"→ no reader", "NO READER", true},
		{"\xff", "x", false},
	} {
		if got := containsFold(c.s, c.wanted); got != c.want {
			t.Errorf("%q in %q: %v", c.wanted, c.s, got)
		}
	}
}

func FuzzContainsFold(f *testing.F) {
	f.Add("a NGINX b", "nginx")
	f.Fuzz(func(t *testing.T, s, wanted string) {
		// Everything that strings.Contains finds must be found.
		if strings.Contains(s, wanted) && !containsFold(s, wanted) {
			t.Errorf("%q is in %q", wanted, s)
		}
	})
}

func TestFoldLine(t *testing.T) {
	l := text(Dim, " /proc/1/x: ")
	l.add(Normal, "flock on /a/long/path and more")
	var got []string
	for _, l := range foldLine(l, 20) {
		got = append(got, strings.TrimRight(l.String(), " "))
	}
	want := " /proc/1/x: flock on|   /a/long/path and|   more"
	if s := strings.Join(got, "|"); s != want {
		t.Errorf("got\n%s", s)
	}
	if lines := foldLine(text(Normal, "short"), 20); len(lines) != 1 {
		t.Errorf("a line that fits became %d", len(lines))
	}
}

func TestOwnCost(t *testing.T) {
	v := newView(t, usual, 100, 24)
	v.scan(undiagnosed())
	v.has("-cpu ")
	v.do(Scanned{Data: v.prev, CPU: model.Some(0.034)})
	v.has("scan 84ms cpu 3%")
}
