package main

import (
	"os"

	"github.com/ipctop/ipctop/render"
)

// showOptions are how text for people is written on this terminal.
func showOptions() render.ShowOptions {
	ascii := !utf8Locale(os.Getenv)
	escape := render.Escape
	if ascii {
		escape = render.EscapeASCII
	}
	return render.ShowOptions{Escape: escape, ASCII: ascii}
}
