package live

import (
	"strconv"
	"time"

	"github.com/ipctop/ipctop/record"
)

// Timeline is what a recording knows of its samples without reading them.
type Timeline interface {
	record.Times
	Findings(i int) uint64 // the same for samples with the same findings
}

// replay is a recording through which the user steps. Its samples are loaded one by one when
// they are shown.
type replay struct {
	at      int // the sample that is shown; -1: none yet
	wanted  int // the sample that should be shown
	loading int // the sample that is being loaded; -1: none
}

type (
	// Load asks for a sample of a recording; [Loaded] comes back.
	Load struct{ At int }

	// Loaded brings a prepared sample of a recording, or says why it could not be loaded.
	Loaded struct {
		At   int
		Data *Data
		Err  string
	}
)

func (Load) effect()  {}
func (Loaded) event() {}

// loaded shows a sample, or loads the one that is wanted now.
func (m *Model) loaded(e Loaded) {
	r := &m.replay
	r.loading = -1
	switch {
	case r.wanted != e.At:
		m.load()
		return
	case e.Err != "":
		if r.wanted = r.at; r.at < 0 {
			m.failure = e.Err
			return
		}
		m.setMessage(Critical, m.escape(e.Err))
		return
	}
	if e.At != r.at+1 {
		// It is not known what happened in between.
		m.history, m.log = history{}, nil
	}
	r.at = e.At
	m.scanned(e.Data)
}

// load asks for the wanted sample, unless another one is being loaded: then that comes first.
func (m *Model) load() {
	if r := &m.replay; r.loading < 0 && r.wanted != r.at {
		r.loading = r.wanted
		m.addEffect(Load{r.wanted})
	}
}

// replayed performs the action of a key in a replay, and reports whether the key has one.
func (m *Model) replayed(key string) bool {
	t, r := m.settings.Timeline, &m.replay
	if t == nil {
		return false
	}
	to := r.wanted
	switch key {
	case "[":
		to--
	case "]":
		to++
	case "{":
		to = m.findingsChange(-1)
	case "}":
		to = m.findingsChange(1)
	case "^":
		to = 0
	case "$":
		to = t.Len() - 1
	case "@":
		m.ask(promptTime, "")
		return true
	default:
		return false
	}
	switch {
	case to < 0 && key == "{":
		m.setMessage(Dim, "No earlier change in findings.")
	case to < 0:
		m.setMessage(Dim, "This is the first sample.")
	case to >= t.Len() && key == "}":
		m.setMessage(Dim, "No later change in findings.")
	case to >= t.Len():
		m.setMessage(Dim, "This is the last sample.")
	default:
		r.wanted = to
		m.load()
	}
	return true
}

// findingsChange returns the next sample, forward or back, whose findings differ from those
// of the sample before it. The result is out of range if there is none.
func (m *Model) findingsChange(by int) int {
	t := m.settings.Timeline
	for i := m.replay.wanted + by; i > 0 && i < t.Len(); i += by {
		if t.Findings(i) != t.Findings(i-1) {
			return i
		}
	}
	if by < 0 {
		return -1
	}
	return t.Len()
}

// goToTime shows the sample for a time that the user has typed.
func (m *Model) goToTime(text string) {
	zone := m.settings.Zone
	if zone == nil {
		zone = time.UTC
	}
	when, err := record.ParseMoment(text, zone)
	if err != nil {
		m.setMessage(Critical, m.escape(err.Error()))
		return
	}
	i, _ := when.In(m.settings.Timeline)
	if i < 0 {
		m.setMessage(Critical, "The recording begins after that.")
		return
	}
	m.prompt.kind = promptNone
	m.replay.wanted = i
	m.load()
}

// replayParts returns the parts of the title that show the position in a recording.
func (m *Model) replayParts(d *Data) []string {
	t := m.settings.Timeline
	return []string{
		"REPLAY", strconv.Itoa(m.replay.at+1) + "/" + strconv.Itoa(t.Len()),
		d.local(d.Snap.Taken).Format("2006-01-02 15:04:05"), "from " + m.escape(m.settings.Source),
	}
}

// still names the source whose picture does not change: a recording or a dump.
func (m *Model) still() string {
	if m.settings.Timeline != nil {
		return "recording"
	}
	return "dump"
}
