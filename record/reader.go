package record

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sort"
	"time"

	"github.com/ipctop/ipctop/model"
)

// Recording is a recording opened for reading. It has the offsets of all samples in
// memory, but only the sample that was read last. It must not be used concurrently.
type Recording struct {
	r       io.ReaderAt
	size    int64
	dec     *decoder
	memory  int64 // limit on the memory for reading a sample, in bytes
	entries []entry
	end     int64 // end of the last intact frame
	indexed int64 // offset of the last index; 0: there is none
	before  int64 // length of the last index
	damaged int64 // bytes that belong to no intact frame

	at    int // the sample whose lines are in memory; -1: none
	lines [][]byte
}

// Open finds the samples of a recording of size bytes. From a truncated or damaged file it
// takes everything that is intact; see [Recording.Damage]. Reading a sample uses no more
// than maxMemory bytes of memory; beyond that the error is [model.ErrMemory].
func Open(r io.ReaderAt, size, maxMemory int64) (*Recording, error) {
	first := make([]byte, min(size, headerSize))
	if err := readFull(r, first, 0); err != nil {
		return nil, err
	}
	if len(first) > 0 && len(first) < headerSize && bytes.HasPrefix(appendFrame(nil, header{kind: typeFile}, nil), first) {
		return &Recording{r: r, damaged: size, at: -1}, nil // truncated while it was created
	}
	if err := checkFileHeader(first); err != nil {
		return nil, err
	}
	most := newBound(size, maxMemory)
	rec := &Recording{r: &countingReader{r, minBound + maxReads*size}, size: size, dec: newDecoder(most), memory: maxMemory, end: headerSize, at: -1}
	from, err := rec.readIndexes(size)
	if err == nil {
		err = rec.scan(from, size)
	}
	if err != nil {
		return nil, err
	}
	rec.r = r
	return rec, nil
}

// readIndexes finds the samples that are in an index, from the last index backwards. It
// returns the offset of the first frame that is in no index.
func (rec *Recording) readIndexes(size int64) (int64, error) {
	at, err := rec.findLastIndex(size)
	if err != nil || at < 0 {
		return headerSize, err
	}
	last, err := rec.followIndexes(at, size)
	if errors.Is(err, errDamaged) {
		// The index before is not where it should be: all frames must be scanned.
		rec.entries, rec.indexed, rec.before = nil, 0, 0
		return headerSize, nil
	}
	rec.end = last
	return last, err
}

// followIndexes reads the indexes from the one at an offset back to the first. It returns
// the end of the one it began with.
func (rec *Recording) followIndexes(at, size int64) (end int64, err error) {
	var groups [][]entry
	for place := at; ; {
		h, p, err := rec.readFrame(place, size)
		if err != nil {
			return 0, err
		}
		if h.kind != typeIndex {
			return 0, errDamaged
		}
		if place == at {
			rec.indexed, rec.before = at, h.size()
			end = at + h.size()
		}
		if p, err = rec.dec.decompress(p); err != nil {
			return 0, err
		}
		samples, from, before, err := parseIndex(p, place)
		if err != nil {
			return 0, err
		}
		groups = append(groups, samples)
		if from <= headerSize {
			break
		}
		if before < headerSize {
			return 0, errDamaged
		}
		place = from - before
	}
	for i := len(groups) - 1; i >= 0; i-- {
		for _, e := range groups[i] {
			if e.at >= headerSize && !rec.add(e) { // earlier samples have been dropped
				return 0, errDamaged
			}
		}
	}
	return end, nil
}

// add appends a sample, unless it is a delta without a sample before it.
func (rec *Recording) add(e entry) bool {
	switch {
	case e.whole:
		e.key = len(rec.entries)
	case len(rec.entries) == 0:
		return false
	default:
		e.key = rec.entries[len(rec.entries)-1].key
	}
	rec.entries = append(rec.entries, e)
	return true
}

// findLastIndex searches for the last intact index, from the end backwards. It returns
// -1 if there is none.
func (rec *Recording) findLastIndex(size int64) (int64, error) {
	const piece = 256 << 10
	want := append(append(mark[:len(mark):len(mark)], Version), typeIndex)
	buf := make([]byte, piece+headerSize)
	for end := size; end > headerSize; {
		start := max(end-piece, headerSize)
		b := buf[:min(end+headerSize, size)-start]
		if err := readFull(rec.r, b, start); err != nil {
			return 0, err
		}
		for {
			i := bytes.LastIndex(b, want)
			if i < 0 {
				break
			}
			switch _, _, err := rec.readFrame(start+int64(i), size); {
			case err == nil:
				return start + int64(i), nil
			case !errors.Is(err, errDamaged):
				return 0, err
			}
			b = b[:i+len(want)-1]
		}
		end = start
	}
	return -1, nil
}

// scan finds the samples from an offset on, frame by frame. Deltas after a damaged
// sample are unusable until the next whole sample.
func (rec *Recording) scan(from, size int64) error {
	broken := false
	for at := from; at < size; {
		h, _, err := rec.readFrame(at, size)
		if errors.Is(err, errDamaged) {
			next, err := findFrame(rec.r, at+1, size)
			if err != nil {
				return err
			}
			rec.damaged += next - at
			at, broken = next, true
			continue
		}
		if err != nil {
			return err
		}
		e := entry{at: at, length: h.size(), taken: h.taken, findings: h.findings, whole: h.kind == typeKey}
		broken = broken && !e.whole
		switch {
		case h.kind == typeIndex:
			rec.indexed, rec.before = at, h.size()
		case broken, h.kind != typeKey && h.kind != typeDelta, !rec.add(e):
			rec.damaged += h.size()
		}
		at += h.size()
		rec.end = at
	}
	return nil
}

// findFrame searches for the next frame from an offset on; it returns size if there is none.
func findFrame(r io.ReaderAt, from, size int64) (int64, error) {
	const least, most = 4 << 10, 64 << 10
	var buf []byte
	for at := from; size-at >= headerSize; {
		if len(buf) < most { // start small: the next frame is often near
			buf = make([]byte, max(least, 2*len(buf)))
		}
		b := buf[:min(size-at, int64(len(buf)))]
		if err := readFull(r, b, at); err != nil {
			return 0, err
		}
		for start := 0; ; start++ {
			i := bytes.Index(b[start:], mark[:])
			if start += max(i, 0); i < 0 {
				at += int64(len(b) - markSize + 1)
				break
			}
			if _, err := parseHeader(b[start:]); err == nil {
				return at + int64(start), nil
			}
			if len(b)-start < headerSize && at+int64(len(b)) < size { // the header continues in the next piece
				at += int64(start)
				break
			}
		}
	}
	return size, nil
}

// Len is the number of samples.
func (rec *Recording) Len() int { return len(rec.entries) }

// End returns the offset of the end of the last intact frame.
func (rec *Recording) End() int64 { return rec.end }

// Damage returns how many bytes are unusable because the file was truncated or damaged.
func (rec *Recording) Damage() int64 { return rec.damaged }

// Time returns when sample i was taken.
func (rec *Recording) Time(i int) time.Time { return time.Unix(0, rec.entries[i].taken).UTC() }

// Findings returns a number that is the same for samples with the same findings.
func (rec *Recording) Findings(i int) uint64 { return rec.entries[i].findings }

// Size returns how many bytes of the file sample i takes, and whether it is a whole
// sample and not a delta.
func (rec *Recording) Size(i int) (bytes int64, whole bool) {
	return rec.entries[i].length, rec.entries[i].whole
}

// At returns the last sample that was taken at a time or before it; -1 if all were taken
// later.
func (rec *Recording) At(t time.Time) int {
	// If the clock was set back, the times are not in order. Then the result is one of
	// the samples that fit.
	return sort.Search(rec.Len(), func(i int) bool { return rec.Time(i).After(t) }) - 1
}

// JSON returns sample i as [model.Encode] wrote it.
func (rec *Recording) JSON(i int) ([]byte, error) {
	list, err := rec.linesOf(i)
	if err != nil {
		return nil, fmt.Errorf("sample %d of %d: %w", i+1, rec.Len(), err)
	}
	return bytes.Join(list, nil), nil
}

// Load returns sample i.
func (rec *Recording) Load(i int) (*model.Snapshot, error) {
	doc, err := rec.JSON(i)
	if err != nil {
		return nil, err
	}
	s, err := model.DecodeWithin(bytes.NewReader(doc), rec.memory/2)
	if err != nil {
		return nil, fmt.Errorf("sample %d of %d: %w", i+1, rec.Len(), err)
	}
	return s, nil
}

// linesOf returns the lines of sample i. It makes them from the whole sample of its group, or
// from the sample that was read last.
func (rec *Recording) linesOf(i int) ([][]byte, error) {
	key := rec.entries[i].key
	at, list := key-1, [][]byte(nil)
	if rec.at >= key && rec.at <= i {
		at, list = rec.at, rec.lines
	}
	var document uint32
	for at < i {
		at++
		var err error
		if list, document, err = rec.advance(at, list); err != nil {
			return nil, err
		}
		if at == i && checksumLines(list) != document {
			return nil, errDamaged
		}
	}
	rec.at, rec.lines = i, list
	return list, nil
}

// advance makes the lines of sample i from those of the sample before, and returns the
// checksum that they should have.
func (rec *Recording) advance(i int, before [][]byte) ([][]byte, uint32, error) {
	h, p, err := rec.frame(i)
	if err != nil {
		return nil, 0, err
	}
	if h.kind == typeKey {
		list, err := rec.dec.most.lines(p)
		return list, h.document, err
	}
	list, _, err := applyDelta(before, p, rec.dec.most)
	return list, h.document, err
}

// frame reads the frame of sample i and decompresses its payload.
func (rec *Recording) frame(i int) (header, []byte, error) {
	e := rec.entries[i]
	h, p, err := rec.readFrame(e.at, min(e.at+e.length, rec.size))
	if err != nil {
		return h, nil, err
	}
	if h.size() != e.length || h.kind != typeKey && h.kind != typeDelta || (h.kind == typeKey) != e.whole {
		return h, nil, errDamaged
	}
	p, err = rec.dec.decompress(p)
	return h, p, err
}
