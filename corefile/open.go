package corefile

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz"
)

// Format is the format of a file, recognized by its first bytes.
type Format string

// The formats; "" is none of them.
const (
	ELF  Format = "ELF"
	Zstd Format = "zstd"
	Gzip Format = "gzip"
	XZ   Format = "xz"
	LZ4  Format = "lz4"
)

// Detect tells the format of a file that begins with b.
func Detect(b []byte) Format {
	for format, magic := range map[Format]string{ELF: "\x7fELF", Zstd: "\x28\xb5\x2f\xfd", Gzip: "\x1f\x8b", XZ: "\xfd7zXZ\x00", LZ4: "\x04\x22\x4d\x18"} {
		if bytes.HasPrefix(b, []byte(magic)) {
			return format
		}
	}
	return ""
}

// decompressors are the supported ones: systemd-coredump writes zstd; older
// versions write lz4 or xz, depending on how they were built.
var decompressors = map[Format]func(io.Reader) (io.ReadCloser, error){
	Zstd: func(r io.Reader) (io.ReadCloser, error) {
		const window = 128 << 20 // required by zstd --long=27
		d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(window))
		if err != nil {
			return nil, err
		}
		return d.IOReadCloser(), nil
	},
	Gzip: func(r io.Reader) (io.ReadCloser, error) { return gzip.NewReader(r) },
	LZ4:  func(r io.Reader) (io.ReadCloser, error) { return io.NopCloser(lz4.NewReader(r)), nil },
	XZ: func(r io.Reader) (io.ReadCloser, error) {
		b := bufio.NewReader(r)
		if err := checkDictionary(b); err != nil {
			return nil, err
		}
		d, err := xz.NewReader(b)
		if err != nil {
			return nil, err
		}
		return io.NopCloser(d), nil
	},
}

// checkDictionary reads the header of the first block of an xz file. The last
// filter is LZMA2, with the size of its dictionary (The .xz File Format 1.2.1, 3.1
// and 5.3.1). The decoder would allocate as much memory as that size says.
func checkDictionary(b *bufio.Reader) error {
	const streamHeader, lzma2, mostBits = 12, 0x21, 32 // 32: 256 MiB; xz -9 needs 64
	head, _ := b.Peek(streamHeader + 4*256)
	if len(head) <= streamHeader {
		return nil // the decoder reports that
	}
	block := head[streamHeader:]
	block = block[:min(len(block), 4*(int(block[0])+1))]
	if i := bytes.Index(block, []byte{lzma2, 1}); i >= 0 && i+2 < len(block) && block[i+2] > mostBits {
		return errors.New("its dictionary is larger than 256 MiB")
	}
	return nil
}

// Open reads a core that may be compressed.
func Open(r io.ReaderAt, size int64) (*Core, error) {
	var first [8]byte
	n, err := r.ReadAt(first[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	format := Detect(first[:n])
	if decompressors[format] == nil {
		return Read(r, size)
	}
	s := &stream{open: func() (io.ReadCloser, error) { return decompressors[format](io.NewSectionReader(r, 0, size)) }}
	defer s.close()
	c, err := Read(s, -1)
	switch {
	case s.err != nil && c == nil:
		return nil, fmt.Errorf("%s: %w", format, s.err)
	case err != nil:
		return nil, fmt.Errorf("in what %s has compressed: %w", format, err)
	case s.err != nil:
		c.Notes = append(c.Notes, fmt.Sprintf("%s: %v", format, s.err))
	case s.restarts > maxRestarts:
		c.Notes = append(c.Notes, "not all of its memory was looked at: that takes long in a compressed file; decompress it first")
	}
	return c, nil
}

// stream makes compressed data look like a file. Its beginning, where a core has its
// notes, is kept in memory. Going back in the rest restarts the decompression.
type stream struct {
	open     func() (io.ReadCloser, error)
	r        io.ReadCloser
	head     bytes.Buffer
	at       int64 // the position of r
	restarts int
	err      error // the data is damaged
}

const (
	keptHead    = 16 << 20
	maxRestarts = 32
)

func (s *stream) close() {
	if s.r != nil {
		s.r.Close()
	}
}

// ReadAt implements [io.ReaderAt].
func (s *stream) ReadAt(b []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errors.New("negative offset")
	}
	end := off + int64(len(b))
	if s.head.Len() < keptHead && int64(s.head.Len()) < end {
		if err := s.to(int64(s.head.Len()), true); err != nil {
			return 0, err
		}
		n, err := io.CopyN(&s.head, s.r, min(end, keptHead)-int64(s.head.Len()))
		s.at += n
		s.note(err)
	}
	if off < int64(s.head.Len()) {
		n := copy(b, s.head.Bytes()[off:])
		if n == len(b) {
			return n, nil
		}
		if s.head.Len() < keptHead {
			return n, io.EOF
		}
		m, err := s.ReadAt(b[n:], off+int64(n))
		return n + m, err
	}
	if s.head.Len() < keptHead {
		return 0, io.EOF
	}
	if err := s.to(off, false); err != nil {
		return 0, err
	}
	n, err := io.ReadFull(s.r, b)
	s.at += int64(n)
	s.note(err)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return n, err
}

// to moves to a position in the data.
func (s *stream) to(off int64, first bool) error {
	if s.r == nil || off < s.at {
		if s.r != nil && !first {
			if s.restarts++; s.restarts > maxRestarts {
				return io.EOF
			}
		}
		s.close()
		r, err := s.open()
		if err != nil {
			s.r, s.err = nil, err
			return err
		}
		s.r, s.at = r, 0
	}
	n, err := io.CopyN(io.Discard, s.r, off-s.at)
	s.at += n
	s.note(err)
	return err
}

// note keeps an error in the data. The end of the data is not an error.
func (s *stream) note(err error) {
	if err != nil && !errors.Is(err, io.EOF) && s.err == nil {
		s.err = err
	}
}
