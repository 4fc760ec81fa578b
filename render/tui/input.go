package tui

import (
	"fmt"

	"github.com/gdamore/tcell/v2"

	"github.com/ipctop/ipctop/render/live"
)

// names are the keys that are not characters, as package live names them.
var names = map[tcell.Key]string{
	tcell.KeyUp: "Up", tcell.KeyDown: "Down", tcell.KeyLeft: "Left", tcell.KeyRight: "Right",
	tcell.KeyPgUp: "PgUp", tcell.KeyPgDn: "PgDn", tcell.KeyHome: "Home", tcell.KeyEnd: "End",
	tcell.KeyEnter: "Enter", tcell.KeyEscape: "Esc", tcell.KeyTab: "Tab", tcell.KeyBacktab: "Shift-Tab",
	tcell.KeyBackspace: "Backspace", tcell.KeyBackspace2: "Backspace", tcell.KeyDelete: "Del",
	tcell.KeyF1: "F1", tcell.KeyF2: "F2", tcell.KeyF3: "F3", tcell.KeyF4: "F4", tcell.KeyF5: "F5",
	tcell.KeyF6: "F6", tcell.KeyF7: "F7", tcell.KeyF8: "F8", tcell.KeyF9: "F9", tcell.KeyF10: "F10",
	tcell.KeyCtrlC: "Ctrl-C", tcell.KeyCtrlL: "Ctrl-L", tcell.KeyCtrlU: "Ctrl-U", tcell.KeyCtrlW: "Ctrl-W", tcell.KeyCtrlZ: "Ctrl-Z",
}

// wheelLines is how many lines one notch of the wheel scrolls.
const wheelLines = 3

// translate turns an event of the terminal into one of the model; nil if there is none. The
// error says that the terminal is gone.
func (v *view) translate(e tcell.Event) (live.Event, error) {
	switch e := e.(type) {
	case *tcell.EventKey:
		if v.pasting {
			if e.Key() == tcell.KeyRune {
				v.pasted.WriteRune(e.Rune())
			}
			return nil, nil
		}
		if name := keyName(e); name != "" {
			return live.Key{Name: name}, nil
		}
	case *tcell.EventPaste:
		// Pasted text must not act as keys: a q in it must not quit.
		v.pasting = e.Start()
		if !v.pasting {
			text := v.pasted.String()
			v.pasted.Reset()
			return live.Paste{Text: text}, nil
		}
	case *tcell.EventResize:
		v.screen.Sync()
		// The size in the event may be older than that of the screen.
		width, height := v.screen.Size()
		return live.Resize{Width: width, Height: height}, nil
	case *tcell.EventMouse:
		x, y := e.Position()
		switch {
		case e.Buttons()&tcell.WheelUp != 0:
			return live.Wheel{Lines: -wheelLines}, nil
		case e.Buttons()&tcell.WheelDown != 0:
			return live.Wheel{Lines: wheelLines}, nil
		case e.Buttons()&tcell.Button1 != 0:
			return live.Click{X: x, Y: y}, nil
		}
	case *tcell.EventError:
		return nil, fmt.Errorf("%w: %s", ErrHangUp, e.Error())
	}
	return nil, nil
}

func keyName(e *tcell.EventKey) string {
	if e.Key() == tcell.KeyRune {
		if e.Modifiers()&(tcell.ModAlt|tcell.ModMeta) != 0 {
			return "Alt-" + string(e.Rune())
		}
		return string(e.Rune())
	}
	return names[e.Key()]
}
