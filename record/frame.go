package record

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// Version is the number of the file format. A reader rejects a higher one.
const Version = 1

// A frame is a zstd skippable frame that contains the header below, followed by a
// zstd frame with the payload. So the whole file is a valid zstd file.
//
//	 0  magic of a skippable frame, 5c 2a 4d 18
//	 4  length of the rest of the header: 40
//	 8  "ipctop", format version, type
//	16  when the sample was taken, in ns since 1970
//	24  fingerprint of its findings
//	32  length of the payload
//	36  CRC-32C of the sample's JSON
//	40  CRC-32C of the payload
//	44  CRC-32C of the header so far
//
// The magic contains a control character. A sample's JSON never does, so no process
// can choose a name that looks like a frame in the file.
const (
	headerSize = 48
	markSize   = 14 // length of the bytes with which all frames of all versions begin
)

var mark = [markSize]byte{0x5c, 0x2a, 0x4d, 0x18, headerSize - 8, 0, 0, 0, 'i', 'p', 'c', 't', 'o', 'p'}

// The types of frames.
const (
	typeFile  = 'F' // the file's first: no payload
	typeKey   = 'K' // a whole sample
	typeDelta = 'D' // what changed since the sample before
	typeIndex = 'I' // the frames since the index before
)

// maxPayload is the largest length of a payload.
const maxPayload = 1 << 30

var crcTable = crc32.MakeTable(crc32.Castagnoli)

func checksum(b []byte) uint32 { return crc32.Checksum(b, crcTable) }

func checksumLines(list [][]byte) uint32 {
	sum := uint32(0)
	for _, line := range list {
		sum = crc32.Update(sum, crcTable, line)
	}
	return sum
}

// header is the header before every payload.
type header struct {
	kind     byte
	taken    int64
	findings uint64
	length   uint32 // of the payload
	document uint32 // checksum
	payload  uint32 // checksum
}

// size returns the length of the frame.
func (h *header) size() int64 { return headerSize + int64(h.length) }

// appendFrame appends a frame with its payload.
func appendFrame(b []byte, h header, payload []byte) []byte {
	h.length, h.payload = uint32(len(payload)), checksum(payload)
	start := len(b)
	b = append(append(b, mark[:]...), Version, h.kind)
	b = binary.LittleEndian.AppendUint64(b, uint64(h.taken))
	b = binary.LittleEndian.AppendUint64(b, h.findings)
	b = binary.LittleEndian.AppendUint32(b, h.length)
	b = binary.LittleEndian.AppendUint32(b, h.document)
	b = binary.LittleEndian.AppendUint32(b, h.payload)
	b = binary.LittleEndian.AppendUint32(b, checksum(b[start:]))
	return append(b, payload...)
}

// errDamaged says that there is no intact frame where one should be.
var errDamaged = errors.New("damaged")

// parseHeader parses the header at the beginning of b.
func parseHeader(b []byte) (header, error) {
	if len(b) < headerSize || [markSize]byte(b) != mark || checksum(b[:44]) != binary.LittleEndian.Uint32(b[44:]) {
		return header{}, errDamaged
	}
	h := header{
		kind:     b[15],
		taken:    int64(binary.LittleEndian.Uint64(b[16:])),
		findings: binary.LittleEndian.Uint64(b[24:]),
		length:   binary.LittleEndian.Uint32(b[32:]),
		document: binary.LittleEndian.Uint32(b[36:]),
		payload:  binary.LittleEndian.Uint32(b[40:]),
	}
	if h.length > maxPayload {
		return header{}, errDamaged
	}
	return h, nil
}

// readFrame reads and checks the frame at an offset; it must not extend beyond end. The
// error is [errDamaged] or a read error.
func (rec *Recording) readFrame(at, end int64) (header, []byte, error) {
	var b [headerSize]byte
	if at < 0 || end-at < headerSize {
		return header{}, nil, errDamaged
	}
	if err := readFull(rec.r, b[:], at); err != nil {
		return header{}, nil, err
	}
	h, err := parseHeader(b[:])
	if err != nil || h.size() > end-at {
		return header{}, nil, errDamaged
	}
	if int64(h.length) > rec.dec.most.max {
		return header{}, nil, rec.dec.most.err
	}
	payload := make([]byte, h.length)
	if err := readFull(rec.r, payload, at+headerSize); err != nil {
		return header{}, nil, err
	}
	if checksum(payload) != h.payload {
		return header{}, nil, errDamaged
	}
	return h, payload, nil
}

// readFull reads all of b. A file that has become shorter counts as damaged.
func readFull(r io.ReaderAt, b []byte, at int64) error {
	n, err := r.ReadAt(b, at)
	switch {
	case n == len(b):
		return nil
	case err == nil || errors.Is(err, io.EOF):
		return errDamaged
	}
	return err
}

// ErrNotRecording is returned by [Open] for a file that is not a recording.
var ErrNotRecording = errors.New("not an ipctop recording")

// IsRecording reports whether a file that begins with b is a recording. b should
// have 16 bytes or more.
func IsRecording(b []byte) bool { return len(b) >= markSize && [markSize]byte(b) == mark }

// checkFileHeader returns an error if b, the beginning of a file, is not that of a recording
// which this version can read.
func checkFileHeader(b []byte) error {
	if len(b) <= markSize || !IsRecording(b) {
		return ErrNotRecording
	}
	if b[markSize] > Version {
		return fmt.Errorf("the recording has format %d, this ipctop reads up to %d: use a newer ipctop", b[markSize], Version)
	}
	if h, err := parseHeader(b); err != nil || h.kind != typeFile {
		return fmt.Errorf("%w: its header is damaged", ErrNotRecording)
	}
	return nil
}
