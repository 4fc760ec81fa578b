package live

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ipctop/ipctop/model/modeltest"
)

// TestEveryKeyEverywhere presses every key on every screen, on a page and on a finding: every
// frame stays valid, and no message says that nothing is selected if something is.
func TestEveryKeyEverywhere(t *testing.T) {
	for screen := 1; screen <= keyed; screen++ {
		for _, b := range bindings() {
			for _, key := range b.keys {
				v := newView(t, usual, 80, 24)
				v.scan(undiagnosed())
				v.scan(modeltest.Rich())
				v.keys(fmt.Sprint(screen))
				selected := v.m.selected() != (row{})
				if !selected && screen != screenLog+1 {
					t.Fatalf("nothing is selected on screen %d, so that no key is tried on anything:\n%s", screen, v.frame())
				}
				v.do(Key{key})
				if f := v.frame(); selected && (strings.Contains(f, "Nothing is selected") || strings.Contains(f, "No process is selected")) {
					t.Errorf("%s on screen %d:\n%s", key, screen, f)
				}
				v.do(Key{"Esc"})
				v.keys("Enter")
				v.do(Key{key})
				v.scan(later())
			}
		}
	}
}
