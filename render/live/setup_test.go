package live

import (
	"slices"
	"testing"
	"time"

	"github.com/ipctop/ipctop/render"
)

// TestSetup: the setup takes effect at once, and is saved only if the user asks for it.
func TestSetup(t *testing.T) {
	s := usual
	s.Theme, s.Themes = "default", []string{"default", "light", "mono"}
	v := newView(t, s, 100, 24)
	v.scan(undiagnosed())
	v.keys("2 F2")
	v.has("── Setup", "Columns of Procs: PID USER S", "Delay: 2s", "Theme: default", "Save these settings")
	v.keys("Enter")
	v.has("[x] PID", "[x] USER")
	v.keys("Down Enter")
	v.has("[x] PID", "[ ] USER")
	v.keys("Esc Down Enter Home Enter")
	v.has("Delay: 0.5s")
	v.keys("Down Down Enter Down Enter")
	v.has("Theme: light")
	if slices.ContainsFunc(v.effects, func(e Effect) bool { _, ok := e.(Keep); return ok }) {
		t.Error("it was kept before the user said so")
	}
	v.keys("End Enter")
	kept, ok := v.effects[len(v.effects)-1].(Keep)
	if !ok || kept.Setup.Delay != 500*time.Millisecond || kept.Setup.Theme != "light" || slices.Contains(kept.Setup.Columns.ByName()["procs"], "USER") {
		t.Errorf("kept %+v of %v", kept, v.effects)
	}
	v.do(Kept{Path: "/home/ann/.config/ipctop/config.toml"})
	v.has("Settings saved to /home/ann/.config/ipctop/config.toml.", "PID  S", "-USER  S")
}

// Every heading of every screen can be explained.
func TestEveryHeadingIsExplained(t *testing.T) {
	known := map[string]bool{}
	for _, topic := range render.ColumnTopics(ColumnDocs()...) {
		known[topic.Name] = true
	}
	for s := range screens {
		for _, name := range append(columnNames(s), screens[s].columns...) {
			if name != "" && !known[name] {
				t.Errorf("%s of %s is not explained", name, screens[s].title)
			}
		}
	}
}
