package main

import (
	"io"
	"os"
	"strings"

	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/render"
)

// outputOptions are the flags of every command that prints lists.
type outputOptions struct {
	format     string
	json       bool
	columns    string
	noHeadings bool
	color      string
}

func (o *outputOptions) add(f *pflag.FlagSet) {
	f.StringVarP(&o.format, "output", "o", "table", "`FORMAT`: "+strings.Join(render.Formats, ", "))
	f.BoolVar(&o.json, "json", false, "the same as -o json")
	f.StringVar(&o.columns, "columns", "", "show the columns `A,B` instead of the usual ones, or +C in addition; JSON field names such as detail.queued work, too")
	f.BoolVar(&o.noHeadings, "no-headings", false, "leave out the headings")
	f.StringVar(&o.color, "color", "auto", "`WHEN` to use colours: auto, always or never")
}

// request turns the flags into the request to write to w. only and kinds choose lists and
// kinds; nil means the default.
func (o *outputOptions) request(w io.Writer, only []string, kinds []model.Kind) (*render.Request, error) {
	r := &render.Request{Format: o.format, Only: only, Kinds: kinds}
	if o.json {
		if o.format != "table" && o.format != "json" {
			return nil, usageError("--json and -o %s contradict each other", o.format)
		}
		r.Format = "json"
	}
	r.Columns, r.NoHeadings = o.columns, o.noHeadings
	r.ASCII = !utf8Locale(os.Getenv)
	width, terminal := terminalWidth(w)
	r.Width = width
	switch o.color {
	case "always":
		r.Color = true
	case "never":
	case "auto":
		r.Color = terminal && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	default:
		return nil, usageError("--color is auto, always or never, not %q", o.color)
	}
	if err := r.Check(); err != nil {
		return nil, usageError("%w", err)
	}
	return r, nil
}

// utf8Locale reports whether the locale's character set is UTF-8.
func utf8Locale(getenv func(string) string) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := getenv(name); v != "" {
			v = strings.ToLower(v)
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return false
}

// terminalWidth is the number of columns of the terminal that w writes to; 0 and false if it is none.
func terminalWidth(w io.Writer) (width int, terminal bool) {
	f, ok := w.(*os.File)
	if !ok {
		return 0, false
	}
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0, false
	}
	return int(size.Col), true
}
