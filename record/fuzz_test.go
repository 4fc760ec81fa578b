package record

import (
	"bytes"
	"testing"
	"time"

	"github.com/ipctop/ipctop/model"
)

// FuzzOpen: reading a file ends without a panic, whatever it contains.
func FuzzOpen(f *testing.F) {
	m, _ := recording(f, newMachine(1, 2), 4, time.Second)
	f.Add(m.b)
	f.Add(m.b[:len(m.b)-5])
	f.Add([]byte{})
	f.Fuzz(func(_ *testing.T, b []byte) {
		rec, err := Open(bytes.NewReader(b), int64(len(b)), model.DefaultMaxMemory)
		if err != nil {
			return
		}
		for i := range min(rec.Len(), 20) {
			_, _ = rec.JSON(i)
			_, _ = rec.Load(i)
		}
	})
}

// FuzzDelta: every delta can be applied with the right result, and arbitrary bytes as a delta
// do no harm.
func FuzzDelta(f *testing.F) {
	f.Add([]byte("{\"pid\":1,\"a\":5\n{\"pid\":2,\"b\":007\n"), []byte("{\"pid\":2,\"b\":8\n{\"pid\":1,\"a\":16\nx"), int64(5))
	f.Add([]byte("a9\n"), []byte("a10\n"), int64(1))
	f.Add([]byte("999999999999999999\n"), []byte("0\n"), int64(-1))
	f.Fuzz(func(t *testing.T, old, doc []byte, shift int64) {
		made, _, err := applyDelta(lines(old), appendDelta(nil, lines(old), lines(doc), shift), anyBound)
		if err != nil || !bytes.Equal(bytes.Join(made, nil), doc) {
			t.Fatalf("%q from %q: %q, %v", doc, old, bytes.Join(made, nil), err)
		}
		_, _, _ = applyDelta(lines(old), doc, anyBound)
	})
}

var anyBound = bound{max: 1 << 30, err: errDamaged}

// FuzzPayloads: payloads with valid checksums may contain anything.
func FuzzPayloads(f *testing.F) {
	f.Add([]byte("{\"schema\":\"ipctop/1\",\n\"taken\":1}\n"), []byte{0, 5}, []byte{0, 1, 1, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	z := newCoder()
	f.Fuzz(func(_ *testing.T, key, delta, index []byte) {
		b := appendFrame(nil, header{kind: typeFile}, nil)
		b = appendFrame(b, header{kind: typeKey, document: checksum(key)}, z.compress(key))
		b = appendFrame(b, header{kind: typeDelta, taken: 1}, z.compress(delta))
		b = appendFrame(b, header{kind: typeIndex}, z.compress(index))
		b = appendFrame(b, header{kind: typeKey, taken: 2}, key)
		rec, err := Open(bytes.NewReader(b), int64(len(b)), model.DefaultMaxMemory)
		if err != nil {
			return
		}
		for i := range min(rec.Len(), 20) {
			_, _ = rec.Load(i)
		}
		_, _ = rec.SearchBack(rec.Len(), "1", func(int) (bool, error) { return false, nil })
	})
}
