package tui

import (
	"testing"

	"github.com/gdamore/tcell/v2"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/model/modeltest"
	"github.com/ipctop/ipctop/render/live"
)

// shows counts how often something is sent to the terminal.
type shows struct {
	tcell.SimulationScreen
	n int
}

func (s *shows) Show() {
	s.n++
	s.SimulationScreen.Show()
}

// TestUnchangedFrameIsNotSent: a refresh that changes nothing on the screen sends nothing to
// the terminal; other frames are drawn.
func TestUnchangedFrameIsNotSent(t *testing.T) {
	screen := &shows{SimulationScreen: tcell.NewSimulationScreen("UTF-8")}
	if err := screen.Init(); err != nil {
		t.Fatal(err)
	}
	defer screen.Fini()
	v := &view{screen: screen, model: live.New(live.Settings{})}
	v.Theme, _ = ThemeNamed("default")
	var data *live.Data
	scan := func() {
		data = live.Prepare(model.NewIndex(modeltest.Rich()), data, live.Settings{})
		v.do(live.Scanned{Data: data})
	}
	width, height := screen.Size()
	v.do(live.Resize{Width: width, Height: height})
	for range 30 { // until the trends over time have reached their full width
		scan()
	}
	v.draw()
	for _, step := range []struct {
		what string
		do   func()
		sent bool
	}{
		{"nothing", func() {}, false},
		{"the same snapshot again", scan, false},
		{"a key", func() { v.do(live.Key{Name: "2"}) }, true},
		{"another row", func() { v.do(live.Key{Name: "Down"}) }, true},
		{"a prompt, with the cursor", func() { v.do(live.Key{Name: "/"}) }, true},
		{"another theme", func() { v.Theme, _ = ThemeNamed("light") }, true},
		{"another size", func() { screen.SetSize(60, 20); v.do(live.Resize{Width: 60, Height: 20}) }, true},
		{"nothing", func() {}, false},
	} {
		before := screen.n
		step.do()
		v.draw()
		if sent := screen.n > before; sent != step.sent {
			t.Errorf("%s: sent %v", step.what, sent)
		}
	}
}
