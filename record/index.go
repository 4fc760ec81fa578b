package record

import "encoding/binary"

// A group is a whole sample and the deltas after it. An index follows every group
// except the last. It contains the lengths of the group's frames and the length of the
// index before, so that all samples can be found from the last index backwards. It
// contains no offsets in the file, so a recording stays valid when its oldest groups
// are dropped. If a recorder was killed, it may have left several groups without an
// index, with damaged bytes between them; the next recorder makes one index for them.

// entry is one sample in a file.
type entry struct {
	at       int64 // offset of its frame
	length   int64 // of its frame
	taken    int64
	findings uint64
	whole    bool
	key      int // the whole sample on which it is based
}

// appendIndex appends the frame of an index for the samples from offset from on; before is
// the length of the index that ends there.
func (z *coder) appendIndex(b []byte, samples []entry, from, before int64) []byte {
	p := binary.AppendUvarint(nil, uint64(before))
	p = binary.AppendUvarint(p, uint64(len(samples)))
	last := int64(0)
	for _, e := range samples {
		gap := uint64(e.at-from) << 1
		if e.whole {
			gap |= 1
		}
		p = binary.AppendUvarint(p, gap)
		p = binary.AppendUvarint(p, uint64(e.length))
		p = binary.AppendUvarint(p, zigzag(e.taken-last))
		p = binary.LittleEndian.AppendUint64(p, e.findings)
		from, last = e.at+e.length, e.taken
	}
	return appendFrame(b, header{kind: typeIndex, taken: last}, z.compress(p))
}

// parseIndex parses an index that is at an offset in the file. It returns the samples in it,
// the offset of the first one, and the length of the index that ends there.
func parseIndex(p []byte, at int64) (samples []entry, from, before int64, err error) {
	d := deltaReader{b: p}
	before = int64(d.uvarint())
	n := d.uvarint()
	if n > uint64(max(at, 0)/headerSize) { // more frames than fit into the file
		return nil, 0, 0, errDamaged
	}
	samples = make([]entry, n)
	total, last := int64(0), int64(0)
	for i := range samples {
		e := &samples[i]
		gap := d.uvarint()
		e.whole = gap&1 != 0
		e.length = int64(d.uvarint())
		last += unzigzag(d.uvarint())
		e.taken = last
		if f := d.bytes(8); f != nil {
			e.findings = binary.LittleEndian.Uint64(f)
		}
		if gap>>1 > maxFile || e.length < headerSize || e.length > headerSize+maxPayload {
			return nil, 0, 0, errDamaged
		}
		total += int64(gap >> 1)
		e.at = total
		total += e.length
	}
	if d.err != nil || before < 0 || total > maxFile {
		return nil, 0, 0, errDamaged
	}
	for i := range samples {
		samples[i].at += at - total
	}
	return samples, at - total, before, nil
}

// maxFile is the largest size of a file, chosen so that sums of its parts do not overflow.
const maxFile = 1 << 50
