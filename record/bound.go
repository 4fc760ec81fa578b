package record

import (
	"bytes"
	"errors"
	"io"

	"github.com/ipctop/ipctop/model"
)

// bound limits the memory for the lines of a sample. A file may come from an untrusted
// source: a few bytes of it can expand to any number of lines.
type bound struct {
	max int64 // bytes
	err error // the error for a sample that needs more
}

const (
	// lineHeader is how many bytes a line needs in addition to its text.
	lineHeader = 24

	// Each line of a sample is a record with some bytes that are in no other line, so
	// samples compress to a hundredth at best. A file that claims to contain more than
	// this factor times its size was not written by ipctop.
	maxExpansion = 1000
	minBound     = 1 << 20

	// While a sample is read, the following exist at the same time: its payload, its
	// lines, the lines of the sample before, its text, and the decoded snapshot, which
	// takes half of the memory.
	boundShare = 8
)

// newBound returns the bound for a file of size bytes, if maxMemory bytes may be used.
func newBound(size, maxMemory int64) bound {
	most := max(maxMemory/boundShare, 1)
	if size < (most-minBound)/maxExpansion {
		return bound{minBound + size*maxExpansion, errDamaged}
	}
	return bound{most, model.ErrMemory}
}

// lines splits JSON into lines, if they are within the bound.
func (b bound) lines(doc []byte) ([][]byte, error) {
	if err := b.check(len(doc), bytes.Count(doc, newline)+1); err != nil {
		return nil, err
	}
	return lines(doc), nil
}

// check returns an error if so many bytes in so many lines are beyond the bound.
func (b bound) check(size, lines int) error {
	if int64(size)+int64(lines)*lineHeader > b.max {
		return b.err
	}
	return nil
}

// countingReader limits how many bytes are read from a file, in proportion to its size. A
// file that seems to have a frame at every other byte would otherwise take quadratic time.
type countingReader struct {
	r    io.ReaderAt
	left int64 // bytes
}

// maxReads is how many times its size may be read from a file to find its samples. In an
// undamaged file every byte is read once.
const maxReads = 64

var errTooDamaged = errors.New("it is damaged in too many places")

// ReadAt implements [io.ReaderAt].
func (r *countingReader) ReadAt(b []byte, off int64) (int, error) {
	if r.left -= int64(len(b)); r.left < 0 {
		return 0, errTooDamaged
	}
	return r.r.ReadAt(b, off)
}
