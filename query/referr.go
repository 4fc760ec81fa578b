package query

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/ipctop/ipctop/model"
)

// SyntaxError is a reference that cannot name anything.
type SyntaxError struct {
	Ref    string
	Reason string
}

func (e *SyntaxError) Error() string { return Quote(e.Ref) + " names nothing: " + e.Reason }

// NotFoundError is a reference to something that is not in the snapshot.
type NotFoundError struct {
	Ref    string
	Reason string   // a sentence that says what was looked for
	Near   []string // similar references that name something
	Unseen string   // what could not be read; "" if nothing
}

func (e *NotFoundError) Error() string {
	text := e.Reason
	if len(e.Near) > 0 {
		text += "; there is " + quoteList(e.Near)
	}
	if e.Unseen != "" {
		text += " (" + e.Unseen + ")"
	}
	return text
}

// AmbiguousError is a reference that names several things.
type AmbiguousError struct {
	Ref     string
	Matches []Match

	snapshot *model.Snapshot // where they were found
}

// maxCandidates is the largest number of candidates that an [AmbiguousError] lists.
const maxCandidates = 20

func (e *AmbiguousError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s could be any of %d; name one of them:", Quote(e.Ref), len(e.Matches))
	for i, m := range e.Matches {
		if i == maxCandidates {
			fmt.Fprintf(&b, "\n  and %d more", len(e.Matches)-i)
			break
		}
		fmt.Fprintf(&b, "\n  %-16s  %s", Quote(m.ID()), m.Describe(e.snapshot))
	}
	return b.String()
}

// Describe describes a match so that it can be distinguished from similar ones, on one
// line that is safe to print.
func (m Match) Describe(s *model.Snapshot) string {
	if p := m.Process; p != nil {
		words := []string{Quote(p.Name())}
		if c := p.Container; c != nil {
			words = append(words, "in container "+Quote(containerName(c)))
		}
		if title := p.Title(); title != "" {
			words = append(words, Quote(shorten(title)))
		} else if len(p.Cmdline) > 1 {
			words = append(words, Quote(shorten(strings.Join(p.Cmdline, " "))))
		}
		return strings.Join(words, "  ")
	}
	o := m.Object
	var words []string
	if o.Name != "" {
		words = append(words, Quote(shorten(o.Name)))
	}
	if state := socketState(o); state != "" {
		words = append(words, state)
	}
	if n := holderNames(s, o); len(n) > 0 {
		words = append(words, "held by "+quoteList(n))
	}
	return strings.Join(words, "  ")
}

// maxShown is the largest number of bytes of a name that are shown in a list of names.
const maxShown = 60

func shorten(s string) string {
	if len(s) <= maxShown {
		return s
	}
	return strings.ToValidUTF8(s[:maxShown], "") + "…"
}

// Quote makes text from other processes safe for a message: it returns a plain word or
// path unchanged; text that could be misread or control a terminal is quoted and escaped
// like a Go string.
func Quote(s string) string {
	plain := s != ""
	for _, r := range s {
		if !unicode.IsGraphic(r) || unicode.IsSpace(r) || r == unicode.ReplacementChar || r == '"' {
			plain = false
			break
		}
	}
	if plain {
		return s
	}
	return strconv.Quote(s)
}

func quoteList(list []string) string {
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = Quote(s)
	}
	return strings.Join(quoted, ", ")
}
