package record

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/ipctop/ipctop/model"
)

// document returns JSON with n lines.
func document(line string, n int) []byte {
	return []byte("{\"schema\":\"ipctop/1\",\n\"objects\":[\n" + strings.Repeat(line+",\n", n-1) + line + "]}\n")
}

// swollen returns recordings of a few kilobytes that expand to gigabytes.
func swollen() map[string][]byte {
	z := newCoder()
	begin := func(doc []byte) []byte {
		b := appendFrame(nil, header{kind: typeFile}, nil)
		return appendFrame(b, header{kind: typeKey, document: checksum(doc)}, z.compress(doc))
	}
	small := document("{}", 1000)
	// Each delta has the old lines twice.
	twice := binary.AppendUvarint(nil, 0)
	n := len(lines(small))
	doubling := begin(small)
	for i := range 20 {
		p := appendStep(append([]byte{}, twice...), stepCopy, uint64(n))
		p = appendStep(appendStep(p, stepSeek, zigzag(int64(-n))), stepCopy, uint64(n))
		doubling = appendFrame(doubling, header{kind: typeDelta, taken: int64(i + 1)}, z.compress(p))
		n *= 2
	}
	index := binary.AppendUvarint(nil, 0)
	index = binary.AppendUvarint(index, 1<<24)
	index = append(index, make([]byte, 1<<24)...)
	return map[string][]byte{
		"many lines":       begin(bytes.Repeat([]byte("\n"), 300<<20)),
		"one long line":    begin(bytes.Repeat([]byte(" "), 500<<20)),
		"many objects":     begin(document("{}", 20<<20)),
		"deltas":           doubling,
		"an index of many": appendFrame(begin(small), header{kind: typeIndex}, z.compress(index)),
	}
}

// TestSmallFilesTakeLittle: a file from an untrusted source takes memory in proportion to its
// own size.
func TestSmallFilesTakeLittle(t *testing.T) {
	for name, file := range swollen() {
		t.Run(name, func(t *testing.T) {
			if len(file) > 200<<10 {
				t.Fatalf("the file itself has %d bytes", len(file))
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			rec, err := Open(bytes.NewReader(file), int64(len(file)), model.DefaultMaxMemory)
			if err == nil && rec.Len() > 1 {
				_, err = rec.SearchBack(rec.Len(), "schema", func(int) (bool, error) { return false, nil })
			}
			for i := 0; err == nil && i < rec.Len(); i++ {
				_, err = rec.Load(i)
			}
			runtime.ReadMemStats(&after)
			if name != "an index of many" && err == nil {
				t.Error("all of it was read")
			}
			most := uint64(64<<20 + 3*maxExpansion*len(file)) // all memory that was ever allocated, not the most at one time
			if took := after.TotalAlloc - before.TotalAlloc; took > most {
				t.Errorf("%d bytes took %d MB: %v", len(file), took>>20, err)
			}
		})
	}
}

// TestMaxMemory: a sample that does not fit into the allowed memory gives that error, and can
// be read if more memory is allowed.
func TestMaxMemory(t *testing.T) {
	f, docs := recording(t, newMachine(40, 50), 3, time.Second)
	size := int64(len(f.b))
	for _, most := range []int64{1, 1 << 20} {
		rec, err := Open(bytes.NewReader(f.b), size, most)
		if err == nil {
			_, err = rec.Load(2)
		}
		if !errors.Is(err, model.ErrMemory) {
			t.Errorf("%d bytes for a sample of %d: %v", most, len(docs[2]), err)
		}
	}
	rec, err := Open(bytes.NewReader(f.b), size, 64<<20)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rec.Load(2); err != nil {
		t.Error(err)
	}
}

// TestFalseFrames: a file in which everything looks like frames does not take quadratic time.
func TestFalseFrames(t *testing.T) {
	file := appendFrame(nil, header{kind: typeFile}, nil)
	const n = 20_000
	for i := range n {
		// Each frame claims to reach to the end of the file.
		h := appendFrame(nil, header{kind: typeIndex}, nil)
		binary.LittleEndian.PutUint32(h[32:], uint32((n-i-1)*headerSize))
		binary.LittleEndian.PutUint32(h[44:], checksum(h[:44]))
		file = append(file, h...)
	}
	r := &countingReader{bytes.NewReader(file), 1 << 62}
	_, err := Open(r, int64(len(file)), model.DefaultMaxMemory)
	if read := 1<<62 - r.left; read > 2*maxReads*int64(len(file)) {
		t.Errorf("%d bytes were read of %d: %v", read, len(file), err)
	}
	if err == nil || !strings.Contains(fmt.Sprint(err), "damaged") {
		t.Error(err)
	}
}
