package record

import (
	"fmt"
	"hash/fnv"
	"io"
	"slices"
	"time"

	"github.com/ipctop/ipctop/model"
)

// File is the file to which a [Writer] writes, such as an [os.File]. It must be
// positioned at its end.
type File interface {
	io.Writer
	Truncate(size int64) error
	Sync() error
}

// The largest number of samples in a group, and its longest duration.
const (
	groupSamples = 120
	groupTime    = 15 * time.Minute
)

// Writer appends samples to a recording.
type Writer struct {
	f     File
	keep  Keep
	coder *coder
	size  int64 // of the intact part of the file

	group     []entry // the samples since the last index
	from      int64   // their offset, which is the end of the last index
	before    int64   // length of the last index; 0 if there is none
	last      *sampleLines
	lastTaken int64
	starts    []groupStart // of all groups, including the current one

	full bool // the next sample begins a new group
}

// groupStart is the offset and the time of a group's beginning.
type groupStart struct{ at, taken int64 }

// Create begins a recording in an empty file.
func Create(f File, keep Keep) (*Writer, error) {
	w := &Writer{f: f, keep: keep, coder: newCoder(), full: true, from: headerSize}
	return w, w.write(appendFrame(nil, header{kind: typeFile}, nil))
}

// Continue appends to a recording. Bytes after its last intact sample are cut off. f must be
// the file that r reads, positioned at r.End().
func Continue(f File, r *Recording, keep Keep) (*Writer, error) {
	w := &Writer{f: f, keep: keep, coder: newCoder(), full: true, size: r.End(), before: r.before}
	for _, e := range r.entries {
		if e.at > r.indexed {
			w.group = append(w.group, e)
		}
		if e.whole {
			w.starts = append(w.starts, groupStart{e.at, e.taken})
		}
	}
	w.from = max(headerSize, r.indexed+r.before)
	if err := f.Truncate(w.size); err != nil {
		return nil, err
	}
	return w, nil
}

// Append adds a sample and makes sure that it is on the disk. After an error the file is
// unchanged, and nothing more can be appended.
func (w *Writer) Append(s *model.Snapshot) error {
	h := header{kind: typeKey, taken: s.Taken.UnixNano(), findings: fingerprint(s.Findings)}
	whole := w.full || w.groupFull(h.taken)
	before := w.last
	if whole {
		before = nil // a whole sample does not depend on the one before
	}
	d := newDelta(h.taken - w.lastTaken)
	doc := documentOf(s, before, d)
	if doc.sum.size > maxPayload {
		return fmt.Errorf("a sample of %d bytes is too large for a recording", doc.sum.size)
	}
	h.document = doc.sum.crc
	var payload, frames []byte
	if whole {
		var err error
		if payload, err = compressDocument(doc); err != nil {
			return err
		}
		if len(w.group) > 0 {
			frames = w.coder.appendIndex(nil, w.group, w.from, w.before)
		}
	} else {
		h.kind = typeDelta
		payload = w.coder.compress(d.bytes())
	}
	index := int64(len(frames))
	frames = appendFrame(frames, h, payload)
	at := w.size + index
	if err := w.write(frames); err != nil {
		return err
	}
	if h.kind == typeKey {
		if index > 0 {
			w.group, w.from, w.before = nil, at, index
		}
		w.starts = append(w.starts, groupStart{at, h.taken})
		w.full = false
	}
	w.group = append(w.group, entry{at: at, length: int64(len(frames)) - index, taken: h.taken, findings: h.findings, whole: h.kind == typeKey})
	w.last, w.lastTaken = doc, h.taken
	return nil
}

// groupFull reports whether the next sample should be a whole one.
func (w *Writer) groupFull(taken int64) bool {
	first, last := w.group[0], w.group[len(w.group)-1]
	bytes, age := last.at+last.length-first.at, time.Duration(taken-first.taken)
	longest, largest := w.keep.group()
	return len(w.group) >= groupSamples || age < 0 || age > longest || bytes > largest ||
		// If everything changes, deltas save nothing.
		len(w.group) > 1 && last.length > first.length/2
}

// write writes whole frames with one call.
func (w *Writer) write(b []byte) error {
	n, err := w.f.Write(b)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	if err == nil {
		err = w.f.Sync()
	}
	if err != nil {
		// A partial frame would do no harm, but is useless. If this fails, too,
		// the first error is more informative.
		_ = w.f.Truncate(w.size)
		return err
	}
	w.size += int64(len(b))
	return nil
}

// fingerprint returns a number that distinguishes sets of findings.
func fingerprint(findings []model.Finding) uint64 {
	ids := make([]string, len(findings))
	for i := range findings {
		ids[i] = findings[i].ID
	}
	slices.Sort(ids)
	h := fnv.New64a()
	for _, id := range ids {
		h.Write([]byte(id))
		h.Write([]byte{0})
	}
	return h.Sum64()
}
