package record

import (
	"bytes"
	"errors"
	"io"

	"github.com/ipctop/ipctop/model"
)

// bound is what the lines of a sample may take. A file may come from a stranger: some
// bytes of it can stand for any number of lines.
type bound struct {
	max int64 // bytes
	err error // what is wrong with a sample that takes more
}

const (
	// lineHeader is what a line takes beside its text, in bytes.
	lineHeader = 24

	// Samples have a line for each record, with some bytes that are in no other:
	// they compress to a hundredth at the best. What a file of so many bytes says
	// that it holds beyond this was not written by ipctop.
	maxExpansion = 1000
	minBound     = 1 << 20

	// While a sample is read, there are its payload, its lines, those of the sample
	// before, its text and what is made of that, which takes half of the memory.
	boundShare = 8
)

// newBound is the bound of a file of so many bytes that may take so much memory.
func newBound(size, maxMemory int64) bound {
	most := max(maxMemory/boundShare, 1)
	if size < (most-minBound)/maxExpansion {
		return bound{minBound + size*maxExpansion, errDamaged}
	}
	return bound{most, model.ErrMemory}
}

// lines splits JSON into lines, if they may be taken.
func (b bound) lines(doc []byte) ([][]byte, error) {
	if err := b.check(len(doc), bytes.Count(doc, newline)+1); err != nil {
		return nil, err
	}
	return lines(doc), nil
}

// check says whether lines may be taken: so many bytes in so many lines.
func (b bound) check(size, lines int) error {
	if int64(size)+int64(lines)*lineHeader > b.max {
		return b.err
	}
	return nil
}

// countingReader reads a file as long as that is in proportion to its size: what looks
// like a frame at every other byte would take the square of that.
type countingReader struct {
	r    io.ReaderAt
	left int64 // bytes
}

// maxReads is how often every byte of a file may be read while its samples are found.
// Of a file that is whole it is one time.
const maxReads = 64

var errTooDamaged = errors.New("it is damaged in too many places")

// ReadAt implements [io.ReaderAt].
func (r *countingReader) ReadAt(b []byte, off int64) (int, error) {
	if r.left -= int64(len(b)); r.left < 0 {
		return 0, errTooDamaged
	}
	return r.r.ReadAt(b, off)
}
