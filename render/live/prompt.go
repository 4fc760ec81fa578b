package live

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// prompt is the line in which the user types.
type prompt struct {
	kind promptKind
	text string

	// Of promptFilter: the filter that Esc restores, and the row that is selected again
	// if it is not filtered out.
	before   filter
	moved    bool
	selected Ident

	question string // of promptConfirm, escaped
	yes, no  func(*Model)
}

type promptKind uint8

const (
	promptNone promptKind = iota
	promptSearch
	promptFilter
	promptTime
	promptConfirm // a question answered by one key
)

// label returns the text before the input.
func (p prompt) label() string {
	switch p.kind {
	case promptSearch:
		return "Search: "
	case promptTime:
		return "Go to (12:01, 12:01:30, 3m ago): "
	case promptConfirm:
		return p.question + " (y: yes) "
	}
	return "Keep rows with (text or expression): "
}

func (m *Model) ask(kind promptKind, text string) {
	if len(m.pages) > 0 && kind == promptFilter {
		m.setMessage(Dim, "This can be searched (/), not filtered.")
		return
	}
	t := m.table()
	m.prompt = prompt{kind: kind, text: text, before: t.wanted.filter, moved: t.moved, selected: t.selected}
}

// confirm asks a question. Any answer other than y means no.
func (m *Model) confirm(question string, yes, no func(*Model)) {
	m.prompt = prompt{kind: promptConfirm, question: question, yes: yes, no: no}
}

// maxTyped limits the length of the input, which may be pasted by mistake.
const maxTyped = 1000

// typed handles one key in the prompt.
func (m *Model) typed(key string) {
	p := &m.prompt
	m.message = ""
	if p.kind == promptConfirm {
		asked := *p
		m.prompt = prompt{}
		if key == "y" || key == "Y" {
			asked.yes(m)
		} else {
			asked.no(m)
		}
		return
	}
	if p.kind == promptFilter {
		defer m.preview()
	}
	switch r, size := utf8.DecodeRuneInString(key); {
	case key == "Enter":
		m.answer()
	case key == "Esc" || key == "Ctrl-C":
		p.kind, p.text = promptNone, p.before.text
	case key == "Backspace":
		if p.text == "" {
			p.kind = promptNone
			return
		}
		_, n := utf8.DecodeLastRuneInString(p.text)
		p.text = p.text[:len(p.text)-n]
	case key == "Ctrl-U":
		p.text = ""
	case key == "Ctrl-W":
		p.text = strings.TrimRight(p.text, " ")
		p.text = p.text[:strings.LastIndex(p.text, " ")+1]
	case size == len(key) && unicode.IsPrint(r) && len(p.text) < maxTyped:
		p.text += key
	}
}

// preview filters by the text that has been typed so far. While that is an incomplete
// expression, the filter stays as it was before.
func (m *Model) preview() {
	f, err := parseFilter(screens[m.screen].list, m.prompt.text)
	if err != nil {
		f = m.prompt.before
	}
	if t := m.table(); t.wanted.filter != f {
		t.wanted.filter, t.moved, t.selected = f, m.prompt.moved, m.prompt.selected
		m.arrange()
	}
}

// pasted adds pasted text to the prompt. Without a prompt it only shows a message.
func (m *Model) pasted(text string) {
	if m.prompt.kind == promptNone || m.prompt.kind == promptConfirm {
		m.setMessage(Dim, "Text can be pasted only into a search (/) or a filter (\\).")
		return
	}
	for _, r := range text {
		m.typed(string(r))
	}
}

// answer carries out what was typed. A wrong filter stays in the prompt, to be corrected.
func (m *Model) answer() {
	p := m.prompt
	if p.kind == promptSearch {
		m.prompt.kind = promptNone
		if p.text != "" {
			m.search = p.text
		}
		m.searchOn(1)
		return
	}
	if p.kind == promptTime {
		m.goToTime(p.text)
		return
	}
	f, err := parseFilter(screens[m.screen].list, p.text)
	if err != nil {
		m.setMessage(Critical, m.escape(err.Error()))
		return
	}
	m.prompt.kind = promptNone
	m.table().wanted.filter = f
	m.arrange()
}
