package main

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// Text that differs from one run to the next, in the order in which it is replaced.
var varying = []struct {
	what *regexp.Regexp
	by   string
}{
	{regexp.MustCompile(`\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?(Z| UTC)?`), "DATE"},
	{regexp.MustCompile(`(?m)^(  device +)\d+:\d+`), "${1}N:N"},
	{regexp.MustCompile(`(?m)^(  inode +)\d+`), "${1}N"},
	{regexp.MustCompile(`\b\d\d:\d\d:\d\d(\.\d+)?\b`), "CLOCK"},
	{regexp.MustCompile(`ipctop-fixtures-\d+-\d+-\d+-\d+`), "ipctop-fixtures-X"},
	{regexp.MustCompile(`ipctop-fixtures/\d+`), "ipctop-fixtures/X"},
	{regexp.MustCompile(`\buser \d{9,}`), "user UID"},
	{regexp.MustCompile(`ipctop-fixture-(\d+-)?[0-9a-z]{16,}`), "ipctop-fixture-X"},
	{regexp.MustCompile(`0x[0-9a-f]{7,}`), "0xH"},
	{regexp.MustCompile(`\b(\d+(\.\d+)?(ns|µs|ms|s|m|h|d))+\b`), "TIME"},
	{regexp.MustCompile(`\b127\.0\.0\.1:(3[2-9]|[45]\d|6[01])\d{3}\b`), "127.0.0.1:PORT"}, // ephemeral
	{regexp.MustCompile(`  +`), "  "},
	{regexp.MustCompile(`(?m) +$`), ""},
}

// Matches numbers of processes and objects; open(2) is a manual page.
var (
	pidPlace = regexp.MustCompile(`\w\((\d{3,})\)|/proc/(\d+)\b|\b(?:process:|process |thread )(\d{3,})\b`)
	idPlace  = regexp.MustCompile(`\b(?:pipe|fifo|unix|tcp|udp|file|memfd|shm-anon|posix-[a-z]+|sysv-[a-z]+|socket|eventfd|pidfd|netlink|pty|ipc|net|mnt|pid|user|uts|cgroup):\[?((?:\d+:)*)(\d+)`)
	fixtures = regexp.MustCompile(`(?m)^FIXTURE +OBJECT +PIDS\n(?:.*\n)*?\d+ made by`)
	number   = regexp.MustCompile(`\d+`)
)

// names gives the numbers of a session names in order of appearance, so that two sessions
// in which the same happened give the same text.
type names struct {
	of   map[string]string // from number to name
	back map[string]string
}

func newNames() *names { return &names{map[string]string{}, map[string]string{}} }

func (n *names) clone() *names {
	c := newNames()
	for k, v := range n.of {
		c.of[k], c.back[v] = v, k
	}
	return c
}

// learn finds the numbers of processes and objects in a text.
func (n *names) learn(text string) {
	add := func(what, number string) {
		if _, known := n.of[number]; number == "" || known {
			return
		}
		name := fmt.Sprintf("<%s %c%c>", what, 'a'+len(n.of)/26, 'a'+len(n.of)%26) // without a digit, as digits are replaced
		n.of[number], n.back[name] = name, number
	}
	for _, table := range fixtures.FindAllString(text, -1) {
		for line := range strings.Lines(table) {
			f := strings.Fields(line)
			for _, pid := range f[min(2, len(f)):] {
				if number.FindString(pid) == pid {
					add("pid", pid)
				}
			}
		}
	}
	for _, m := range pidPlace.FindAllStringSubmatch(text, -1) {
		add("pid", m[1]+m[2]+m[3])
	}
	for _, m := range idPlace.FindAllStringSubmatch(text, -1) {
		switch { // a small number is one that the kernel counts from the start
		case len(m[2]) > 3:
			add("object", m[2])
		case m[1] != "":
			add("object", m[0])
		}
	}
}

// normal is a text without the parts that differ from one session to the next.
func (n *names) normal(text string) string {
	n.learn(text)
	text = idPlace.ReplaceAllStringFunc(text, func(id string) string {
		m := idPlace.FindStringSubmatch(id)
		if name, ok := n.of[id]; ok {
			kind, _, _ := strings.Cut(id, ":")
			return kind + ":" + name
		}
		return strings.TrimSuffix(id, m[1]+m[2]) + m[2] // without the device
	})
	for _, v := range varying {
		text = v.what.ReplaceAllString(text, v.by)
	}
	text = number.ReplaceAllStringFunc(text, func(number string) string {
		if name, ok := n.of[number]; ok {
			return name
		}
		return number
	})
	return strings.TrimRight(text, "\n")
}

// translate replaces the numbers of one session by those with the same names in another.
func (n *names) translate(text string, to *names) string {
	return number.ReplaceAllStringFunc(text, func(number string) string {
		if other, ok := to.back[n.of[number]]; ok {
			return other
		}
		return number
	})
}

// fits reports whether a text is what a page prints. In a page, a line "…" stands for any lines.
func fits(printed, is string) bool {
	p, i := strings.Split(printed, "\n"), strings.Split(is, "\n")
	for n, line := range p {
		if strings.TrimSpace(line) != "…" {
			if len(i) == 0 || i[0] != line {
				return false
			}
			i = i[1:]
			continue
		}
		for k := 0; k <= len(i); k++ {
			if n == len(p)-1 || fits(strings.Join(p[n+1:], "\n"), strings.Join(i[k:], "\n")) {
				return true
			}
		}
		return false
	}
	return len(i) == 0
}

func TestNormalText(t *testing.T) {
	const one = "FIXTURE  OBJECT     PIDS\npipe     pipe:4711  4101 4105\n1 made by ipctop(4100), 0 skipped. Ctrl-C removes them.\n" +
		"wr(4101) calls write(2)  to file:0:44:1234567, not file:0:44:7, for 3s\n  kill 4101 at 2026-01-02 03:04:05 UTC, key 0x4d2, 4096 bytes\n"
	const other = "FIXTURE  OBJECT      PIDS\npipe     pipe:99471  581 905\n1 made by ipctop(570), 0 skipped. Ctrl-C removes them.\n" +
		"wr(581) calls write(2) to file:254:0:7654321, not file:254:0:19, for 1h2m\n    kill 581 at 2027-01-02 13:04:05 UTC, key 0x4d2, 4096 bytes   \n"
	a, b := newNames(), newNames()
	if x, y := a.normal(one), b.normal(strings.ReplaceAll(other, "write(2) to", "write(2)  to")); x != y {
		t.Errorf("they are the same but for numbers:\n%s\n%s", x, y)
	}
	if got := a.translate("kill 4105 5", b); got != "kill 905 5" {
		t.Errorf("translated to %q", got)
	}
	for _, differs := range []string{strings.Replace(one, "kill 4101", "kill 4105", 1), strings.Replace(one, "4096", "4097", 1), strings.Replace(one, "file:0:44:7", "file:0:44:1234567", 1)} {
		if a, b := newNames(), newNames(); a.normal(one) == b.normal(differs) {
			t.Errorf("the difference is lost:\n%s", differs)
		}
	}
	for _, tt := range []struct {
		printed, is string
		want        bool
	}{
		{"a\nb", "a\nb", true},
		{"a\nb", "a\nc", false},
		{"a", "a\nb", false},
		{"a\n…", "a\nb\nc", true},
		{"…\nc", "a\nb\nc", true},
		{"a\n…\nc", "a\nc", true},
		{"a\n…\nd", "a\nb\nc", false},
		{"", "", true},
		{"", "a", false},
	} {
		if fits(tt.printed, tt.is) != tt.want {
			t.Errorf("fits(%q, %q) is not %v", tt.printed, tt.is, tt.want)
		}
	}
}
