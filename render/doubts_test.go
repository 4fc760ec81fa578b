package render

import (
	"slices"
	"testing"

	"github.com/ipctop/ipctop/model"
)

func TestDoubts(t *testing.T) {
	for _, c := range []struct {
		name      string
		lowered   []string
		sentences []string
	}{
		{"none", nil, nil},
		{"no object", []string{"41 processes hidden", "41 processes hidden: see above"}, []string{"41 processes hidden", "41 processes hidden: see above"}},
		{"one", []string{"holders of pipe:7 may be hidden"}, []string{"holders of pipe:7 may be hidden"}},
		{
			"two and another sentence",
			[]string{"holders of pipe:7 may be hidden", "it waits", "holders of pipe:8 may be hidden"},
			[]string{"holders of pipe:7 and pipe:8 may be hidden", "it waits"},
		},
		{
			"at the end",
			[]string{"may hold file:0:58:10", "may hold file:0:58:11", "may hold file:0:58:12"},
			[]string{"may hold file:0:58:10, file:0:58:11 and file:0:58:12"},
		},
		{
			"many",
			[]string{"holders of p:1 may be hidden", "holders of p:2 may be hidden", "holders of p:3 may be hidden", "holders of p:4 may be hidden", "holders of p:5 may be hidden"},
			[]string{"holders of p:1, p:2, p:3 and 2 more may be hidden"},
		},
		{"two objects in each", []string{"p:1 is before p:2", "p:1 is before p:3"}, []string{"p:1 is before p:2", "p:1 is before p:3"}},
	} {
		if got := Doubts(&model.Finding{LoweredBy: c.lowered}); !slices.Equal(got, c.sentences) {
			t.Errorf("%s: %q, want %q", c.name, got, c.sentences)
		}
	}
}
