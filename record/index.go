package record

import "encoding/binary"

// A group is a whole sample and the deltas after it. An index follows every
// group but the last: how long its frames are, and how long the index before
// is, so that all can be found from the last one backwards. It holds no places
// in the file: a recording stays right when its oldest groups are cut off. What
// a recorder that was killed has left may be several groups, with damaged bytes
// between; the next recorder makes one index for them.

// entry is one sample in a file.
type entry struct {
	at       int64 // where its frame is
	length   int64 // of its frame
	taken    int64
	findings uint64
	whole    bool
	key      int // which whole sample it goes back to
}

// appendIndex appends the frame of an index of the samples that begin at a place
// or after; before is the length of the index that ends there.
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

// parseIndex reads an index that stands at a place in the file: the samples in
// it, where the first begins, and how long the index is that ends there.
func parseIndex(p []byte, at int64) (samples []entry, from, before int64, err error) {
	d := deltaReader{b: p}
	before = int64(d.uvarint())
	n := d.uvarint()
	if n > uint64(max(at, 0)/headerSize) { // more frames than there is room for
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

// maxFile is how large a file can be, so that sums of its parts do not overflow.
const maxFile = 1 << 50
