package main

import (
	"os"
	"strconv"
	"strings"

	"github.com/ipctop/ipctop/render"
)

// showOptions are how text for people is written on this terminal.
func showOptions() render.ShowOptions {
	return render.ShowOptions{Escape: escape, ASCII: !utf8Locale()}
}

// escape makes text from other processes safe to print on a terminal.
func escape(s string) string {
	quoted := strconv.Quote(s)
	quoted = quoted[1 : len(quoted)-1]
	return strings.ReplaceAll(quoted, `\"`, `"`)
}

// utf8Locale reports whether the locale's characters are UTF-8 (locale(7)).
func utf8Locale() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := os.Getenv(name); v != "" {
			v = strings.ToUpper(v)
			return strings.Contains(v, "UTF-8") || strings.Contains(v, "UTF8")
		}
	}
	return false
}

// shellQuote makes one argument fit to be pasted into a shell.
func shellQuote(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789%+,-./:=@_") == "" {
		return s
	}
	for _, r := range s {
		if !strconv.IsPrint(r) || r == '\uFFFD' {
			q := escape(strings.ReplaceAll(s, "'", `\x27`))
			return "$'" + strings.ReplaceAll(q, `\\x27`, `\x27`) + "'"
		}
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
