package tui

import (
	"bytes"
	"testing"
)

func TestParseBackground(t *testing.T) {
	for answer, want := range map[string][2]bool{
		"\x1b]11;rgb:ffff/ffff/ffff\x1b\\\x1b[?62;c": {true, true},
		"\x1b]11;rgb:0000/0000/0000\a\x1b[?1;2c":     {false, true},
		"\x1b]11;rgb:fd/f6/e3\a":                     {true, true},
		"\x1b]11;rgb:f/f/f\a":                        {true, true},
		"\x1b]11;rgba:0000/2b2b/3636/ffff\x1b\\":     {false, true},
		"\x1b]11;rgb:0000/0000/ffff\a":               {false, true}, // blue is dark
		"\x1b]11;rgb:0000/ffff/0000\a":               {true, true},
		"\x1b[?62;c":                                 {false, false},
		"\x1b]11;rgb:ffff/ffff/ffff":                 {false, false}, // cut
		"\x1b]11;rgb:ffff/ffff\a":                    {false, false},
		"\x1b]11;rgb:fffff/0/0\a":                    {false, false},
		"\x1b]11;rgb:-1/+1/0\a":                      {false, false},
		"\x1b]11;white\a":                            {false, false},
		"":                                           {false, false},
	} {
		if light, known := parseBackground([]byte(answer)); light != want[0] || known != want[1] {
			t.Errorf("%q: light %v, known %v", answer, light, known)
		}
	}
	if answered([]byte("\x1b]11;rgb:cc/cc/cc\a")) || !answered([]byte("\x1b]11;rgb:0/0/0\a\x1b[?62;c")) {
		t.Error("the end of the answer is not seen")
	}
}

func FuzzBackground(f *testing.F) {
	f.Add([]byte("\x1b]11;rgb:ffff/ffff/ffff\x1b\\\x1b[?62;c"))
	f.Add([]byte("\x1b]11;rgba:0/0/0/0\a"))
	f.Fuzz(func(t *testing.T, answer []byte) {
		light, known := parseBackground(answer)
		if light && !known {
			t.Error("light, but not known")
		}
		if known && !bytes.Contains(answer, []byte("\x1b]11;rgb")) {
			t.Error("known without an answer")
		}
	})
}
