package render

// Options say how text output looks.
type Options struct {
	Width      int  // cells of the terminal; 0: nothing is cut to fit
	Wide       bool // more columns, nothing folded or cut
	ASCII      bool // the terminal does not take UTF-8
	Color      bool
	NoHeadings bool
	// FoldPrivate leaves out objects that are private to one process, and shows their number.
	FoldPrivate bool
	// FoldAlike leaves out all but the first three findings of a rule that have severity info,
	// and shows their number.
	FoldAlike bool
	// Columns are the columns that the user selected; empty: each kind's own columns; with a
	// leading + they are added to those.
	Columns string
}

// glyphs are the few characters that are not ASCII if the terminal supports others.
type glyphs struct{ to, both, more, times string }

func (o *Options) glyphs() glyphs {
	if o.ASCII {
		return glyphs{"->", "<=>", "~", "x"}
	}
	return glyphs{"→", "⇄", "…", "×"}
}

func (o *Options) escape(s string) string { return escape(s, o.ASCII) }

// Role is what a piece of text means. A role may be shown as a colour, but the
// words say it too.
type Role uint8

// The roles.
const (
	Plain Role = iota
	Heading
	Notice // likely worth a look
	Alarm  // full, closed, no reader
	Dim    // of little interest
)

// worst returns the role of a cell with two parts.
func worst(a, b Role) Role {
	switch {
	case a == Dim:
		return b
	case b == Dim:
		return a
	}
	return max(a, b)
}

// sgr are the colours of the roles, from the sixteen that every terminal has.
var sgr = [...]string{Heading: "\x1b[1m", Alarm: "\x1b[31m", Notice: "\x1b[33m", Dim: "\x1b[2m"}

const sgrReset = "\x1b[0m"

// Cell is one cell of a table. Its text is escaped already.
type Cell struct {
	Text string
	Role Role
}
