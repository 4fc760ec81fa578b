package render

import (
	"os/exec"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/ipctop/ipctop/model/modeltest"
)

func TestEscape(t *testing.T) {
	for _, c := range []struct{ in, want, ascii string }{
		{"", "", ""},
		{"nginx: worker", "nginx: worker", "nginx: worker"},
		{"a\nb\tc\rd", `a\nb\tc\rd`, `a\nb\tc\rd`},
		{"\x1b[2J\x07", `\x1b[2J\x07`, `\x1b[2J\x07`},
		{"\x7f\u009b31m", `\x7f\u009b31m`, `\x7f\u009b31m`},
		{`C:\n`, `C:\\n`, `C:\\n`},
		{"caf\xe9", `caf\xe9`, `caf\xe9`},
		{"a\u202eb\u2066c\u2069\u200f", `a\u202eb\u2066c\u2069\u200f`, `a\u202eb\u2066c\u2069\u200f`},
		{"a\u00a0b\u3000c\u2028", `a\u00a0b\u3000c\u2028`, `a\u00a0b\u3000c\u2028`},
		{"\ufeff\U000e0041", `\ufeff\U000e0041`, `\ufeff\U000e0041`},
		{"数据", "数据", `\u6570\u636e`},
		{"e\u0301", "e\u0301", `e\u0301`},
		{"\u0301e", `\u0301e`, `\u0301e`},
		{"e\u0301\u0301\u0301\u0301", "e\u0301\u0301\u0301" + `\u0301`, `e\u0301\u0301\u0301\u0301`},
		{"\U0001f600", "\U0001f600", `\U0001f600`},
		{"\ufffd", "\ufffd", `\ufffd`},
	} {
		if got := Escape(c.in); got != c.want {
			t.Errorf("%q: %s, want %s", c.in, got, c.want)
		}
		if got := EscapeASCII(c.in); got != c.ascii {
			t.Errorf("%q in ASCII: %s, want %s", c.in, got, c.ascii)
		}
	}
	if n := strings.Count(Escape(modeltest.Zalgo), "\u0301"); n != maxMarks {
		t.Errorf("%d marks on one character", n)
	}
}

func TestWidth(t *testing.T) {
	for s, want := range map[string]int{"": 0, "abc": 3, "数据": 4, "e\u0301": 1, "→": 1, "…": 1} {
		if got := Width(s); got != want {
			t.Errorf("%q: %d cells, want %d", s, got, want)
		}
	}
	for _, c := range []struct {
		in    string
		width int
		want  string
	}{
		{"abcdef", 6, "abcdef"},
		{"abcdef", 5, "abcd…"},
		{"数据库", 6, "数据库"},
		{"数据库", 5, "数据…"},
		{"数据库", 4, "数…"},
		{"e\u0301e\u0301e\u0301", 2, "e\u0301…"},
		{"abc", 1, "…"},
		{"abc", 0, ""},
	} {
		if got := Truncate(c.in, c.width, "…"); got != c.want || Width(got) > c.width {
			t.Errorf("%q to %d: %q, want %q", c.in, c.width, got, c.want)
		}
	}
}

func TestQuote(t *testing.T) {
	for in, want := range map[string]string{
		"":            "''",
		"/run/x.sock": "/run/x.sock",
		"a b":         "'a b'",
		"$(reboot)":   "'$(reboot)'",
		"it's":        `'it'\''s'`,
		"a\nb":        `$'a\012b'`,
		"\xff1":       `$'\3771'`,
		"!\x1b'":      `$'\041\033\047'`,
		"=x":          "'=x'",
		"~":           "'~'",
		"数据":          "'数据'",
	} {
		if got := Quote(in); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

// TestQuoteSurvivesShell gives quoted words to a real shell.
func TestQuoteSurvivesShell(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("needs bash")
	}
	var every []byte
	for c := 1; c < 256; c++ {
		every = append(every, byte(c))
	}
	words := []string{"", "it's", "a b", `\`, `\'`, "$x`y`", "!!", "-n", string(every), modeltest.Escapes, modeltest.Invalid, modeltest.Bidi, modeltest.CJK}
	for c := 1; c < 256; c++ {
		words = append(words, string([]byte{byte(c)}), string([]byte{'7', byte(c), '7'}), string([]byte{'\'', byte(c)}))
	}
	out, err := exec.Command(bash, "-c", `printf '%s\0' `+QuoteAll(words)).Output()
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
	if len(got) != len(words) {
		t.Fatalf("%d words became %d", len(words), len(got))
	}
	for i := range words {
		if got[i] != words[i] {
			t.Errorf("%q came out as %q", words[i], got[i])
		}
	}
}

func FuzzEscape(f *testing.F) {
	for _, s := range []string{"", modeltest.Escapes, modeltest.Invalid, modeltest.Bidi, modeltest.CJK, modeltest.Zalgo, `a\b`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, out := range []string{Escape(s), EscapeASCII(s), Quote(s)} {
			if !utf8.ValidString(out) {
				t.Fatalf("%q becomes %q, which is not UTF-8", s, out)
			}
			for _, r := range out {
				if !unicode.IsPrint(r) || unicode.Is(unicode.Bidi_Control, r) {
					t.Fatalf("%q becomes %q, which has %U", s, out, r)
				}
			}
		}
		if out := EscapeASCII(s); !isASCII(out) {
			t.Fatalf("%q becomes %q, which is not ASCII", s, out)
		}
		for _, width := range []int{1, 7, 40} {
			if out := Truncate(Escape(s), width, "…"); Width(out) > width {
				t.Fatalf("%q has %d cells, not %d", out, Width(out), width)
			}
		}
	})
}

func TestEscapeMessage(t *testing.T) {
	for message, want := range map[string]string{
		"open x: no such file\n\tand more": "open x: no such file\n\tand more",
		"open \x1b]0;t\x07\r\u202e\xff":    `open \x1b]0;t\x07\r\u202e\xff`,
		`a name that is \x1b escaped`:      `a name that is \x1b escaped`,
	} {
		if got := EscapeMessage(message); got != want {
			t.Errorf("%q: %q, want %q", message, got, want)
		}
	}
}
