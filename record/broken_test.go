package record

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"
)

// small writes a short recording with an index in it, whose last frames are a
// delta, an index and a key if index is true, else deltas.
func small(t *testing.T, index bool) (*memory, [][]byte) {
	t.Helper()
	f := &memory{}
	w, err := Create(f, Keep{})
	if err != nil {
		t.Fatal(err)
	}
	m := newMachine(1, 1)
	m.snap.Scan.Probes = nil
	var docs [][]byte
	for i := range 8 {
		w.full = w.full || i == 3 || index && i == 7
		s := m.next(5 * time.Second)
		docs = append(docs, encode(t, s))
		if err := w.Append(s); err != nil {
			t.Fatal(err)
		}
	}
	return f, docs
}

// whole returns how many samples end at or before an offset in the file.
func whole(rec *Recording, at int64) int {
	n := 0
	for n < len(rec.entries) && rec.entries[n].at+rec.entries[n].length <= at {
		n++
	}
	return n
}

func TestCutOffAnywhere(t *testing.T) {
	for _, index := range []bool{false, true} {
		f, docs := small(t, index)
		rec := open(t, f.b)
		for cut := len(f.b); cut >= 1; cut-- {
			got := open(t, f.b[:cut])
			want := whole(rec, int64(cut))
			if got.Len() != want {
				t.Fatalf("cut at %d of %d: %d samples, want %d", cut, len(f.b), got.Len(), want)
			}
			if cut%7 == 0 || cut > len(f.b)-2000 {
				expect(t, got, docs[:want])
			}
		}
	}
}

func TestAnyBitFlipped(t *testing.T) {
	for _, index := range []bool{false, true} {
		f, docs := small(t, index)
		rec := open(t, f.b)
		n := rec.Len()
		from := rec.entries[n-2].at
		if index {
			from = rec.entries[n-2].at + rec.entries[n-2].length // the index and the key
		}
		for at := from; at < int64(len(f.b)); at++ {
			for bit := range 8 {
				b := bytes.Clone(f.b)
				b[at] ^= 1 << bit
				got := open(t, b)
				before := docs[:whole(rec, at)]
				expect(t, got, before)
				// Further samples must be right, too.
				for i := len(before); i < got.Len(); i++ {
					doc, err := got.JSON(i)
					if err != nil {
						t.Fatalf("bit %d of byte %d: %v", bit, at, err)
					}
					if !bytes.Equal(doc, docs[n-got.Len()+i]) {
						t.Fatalf("bit %d of byte %d: sample %d is wrong", bit, at, i)
					}
				}
			}
		}
	}
}

// TestFlippedBitsNeverLie: flipped bits may make samples unreadable, but never wrong.
func TestFlippedBitsNeverLie(t *testing.T) {
	f, docs := small(t, true)
	good := map[string]bool{}
	for _, d := range docs {
		good[string(d)] = true
	}
	for at := headerSize; at < len(f.b); at++ {
		b := bytes.Clone(f.b)
		b[at] ^= 1 << rand.IntN(8)
		rec := open(t, b)
		read := 0
		for i := range rec.Len() {
			doc, err := rec.JSON(i)
			if err != nil {
				continue
			}
			read++
			if !good[string(doc)] {
				t.Fatalf("byte %d: sample %d is made up", at, i)
			}
		}
		if read < 3 {
			t.Fatalf("byte %d: only %d of %d samples are left", at, read, len(docs))
		}
	}
}

// TestContinues: a recorder that finds a truncated file continues after its last intact sample.
func TestContinues(t *testing.T) {
	f, docs := small(t, true)
	rec := open(t, f.b)
	for _, cut := range []int64{headerSize, headerSize + 1, rec.entries[1].at + 5, rec.entries[4].at, rec.entries[7].at - 3, int64(len(f.b) - 1), int64(len(f.b))} {
		b := &memory{b: bytes.Clone(f.b[:cut])}
		torn := open(t, b.b)
		w, err := Continue(b, torn, Keep{})
		if err != nil {
			t.Fatal(err)
		}
		want := append([][]byte{}, docs[:torn.Len()]...)
		m := newMachine(3, 2)
		for i := range 5 {
			w.full = w.full || i == 3
			s := m.next(time.Second)
			want = append(want, encode(t, s))
			if err := w.Append(s); err != nil {
				t.Fatal(err)
			}
		}
		got := open(t, b.b)
		if got.Len() != len(want) || got.Damage() != 0 {
			t.Fatalf("cut at %d: %d samples, want %d; %d bytes damaged", cut, got.Len(), len(want), got.Damage())
		}
		expect(t, got, want)
		if got.indexed == 0 {
			t.Fatalf("cut at %d: no index", cut)
		}
	}
}

// TestContinuesBehindDamage: the same holds for a file that is damaged in the middle; the
// samples that are written then have an index again.
func TestContinuesBehindDamage(t *testing.T) {
	f, _ := small(t, true)
	rec := open(t, f.b)
	for _, at := range []int64{rec.entries[1].at + 60, rec.entries[3].at - 20, rec.entries[3].at + 3, rec.entries[5].at + 10, rec.entries[7].at - 10} {
		b := &memory{b: bytes.Clone(f.b)}
		b.b[at] ^= 4
		broken := open(t, b.b)
		var want [][]byte
		for i := range broken.Len() {
			doc, _ := broken.JSON(i)
			want = append(want, doc)
		}
		w, err := Continue(b, broken, Keep{})
		if err != nil {
			t.Fatal(err)
		}
		m := newMachine(3, 2)
		for i := range 3 {
			w.full = w.full || i == 2
			s := m.next(time.Second)
			want = append(want, encode(t, s))
			if err := w.Append(s); err != nil {
				t.Fatal(err)
			}
		}
		got := open(t, b.b)
		if got.Len() != len(want) {
			t.Fatalf("byte %d: %d samples, want %d", at, got.Len(), len(want))
		}
		for i := range want {
			if doc, _ := got.JSON(i); !bytes.Equal(doc, want[i]) {
				t.Fatalf("byte %d: sample %d is another one", at, i)
			}
		}
		if at == rec.entries[3].at-20 {
			continue // an index to which later ones refer: then all frames are scanned
		}
		by := &Recording{r: bytes.NewReader(b.b), size: int64(len(b.b)), dec: rec.dec, at: -1}
		if last, err := by.findLastIndex(int64(len(b.b))); err != nil || last < 0 {
			t.Fatalf("byte %d: no index: %v", at, err)
		} else if _, err := by.followIndexes(last, int64(len(b.b))); err != nil {
			t.Fatalf("byte %d: there is no way along the indexes: %v", at, err)
		}
	}
}

// TestFullDisk: if the disk is full, only the sample that does not fit is lost.
func TestFullDisk(t *testing.T) {
	for fail := 1; fail <= 9; fail++ {
		for _, part := range []int{0, 1, 47, 48, 60, 1 << 20} {
			f := &memory{fail: fail, part: part}
			w, err := Create(f, Keep{})
			if fail == 1 {
				if err == nil || len(f.b) > 0 {
					t.Fatalf("%v, and the file has %d bytes", err, len(f.b))
				}
				continue
			}
			m := newMachine(2, 3)
			var docs [][]byte
			for i := range 8 {
				w.full = w.full || i == 4
				s := m.next(time.Second)
				if err = w.Append(s); err != nil {
					break
				}
				docs = append(docs, encode(t, s))
			}
			if err == nil || len(docs) != fail-2 {
				t.Fatalf("write %d failed: %v after %d samples", fail, err, len(docs))
			}
			rec := open(t, f.b)
			if rec.Len() != len(docs) || rec.Damage() != 0 {
				t.Fatalf("write %d failed after %d bytes: %d samples, %d bytes damaged", fail, part, rec.Len(), rec.Damage())
			}
			expect(t, rec, docs)
		}
	}
}

// TestDrops: dropping old groups does not change the rest, and the writer can continue.
func TestDrops(t *testing.T) {
	for _, continued := range []bool{false, true} {
		f := &memory{}
		w, err := Create(f, Keep{Age: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		m := newMachine(2, 3)
		var docs [][]byte
		dropped := 0
		for i := range 200 {
			if continued && i == 150 {
				f.b[headerSize+60] ^= 1 // damaged samples are dropped with the others
				if w, err = Continue(f, open(t, f.b), Keep{Age: time.Minute}); err != nil {
					t.Fatal(err)
				}
			}
			s := m.next(5 * time.Second)
			docs = append(docs, encode(t, s))
			if err := w.Append(s); err != nil {
				t.Fatal(err)
			}
			if n := w.Excess(s.Taken); n > 0 {
				dropped++
				to := &memory{}
				if w, err = w.Drop(n, to, bytes.NewReader(f.b)); err != nil {
					t.Fatal(err)
				}
				f = to
				rec := open(t, f.b)
				if rec.Damage() != 0 || int(w.size) != len(f.b) {
					t.Fatalf("%d bytes damaged; %d bytes, the writer thinks %d", rec.Damage(), len(f.b), w.size)
				}
				expect(t, rec, docs[len(docs)-rec.Len():])
				if kept := s.Taken.Sub(rec.Time(0)); kept < time.Minute || kept > 80*time.Second {
					t.Fatalf("%v are kept", kept)
				}
			}
		}
		if dropped < 5 {
			t.Errorf("dropped %d times", dropped)
		}
		rec := open(t, f.b)
		expect(t, rec, docs[len(docs)-rec.Len():])
	}
}

func TestKeepsToSize(t *testing.T) {
	const size = 100 << 10
	f := &memory{}
	w, _ := Create(f, Keep{Size: size})
	m := newMachine(5, 20)
	for range 1500 {
		s := m.next(5 * time.Second)
		if err := w.Append(s); err != nil {
			t.Fatal(err)
		}
		if n := w.Excess(s.Taken); n > 0 {
			to := &memory{}
			var err error
			if w, err = w.Drop(n, to, bytes.NewReader(f.b)); err != nil {
				t.Fatal(err)
			}
			f = to
		}
		if len(f.b) > size {
			t.Fatalf("%d bytes", len(f.b))
		}
	}
	if rec := open(t, f.b); len(f.b) < size/4 || rec.Len() < 50 {
		t.Errorf("only %d samples in %d bytes are left", rec.Len(), len(f.b))
	}
}

// TestWrongDeltaIsFoundOut: a valid delta with a wrong result is detected by the checksum of
// the sample.
func TestWrongDeltaIsFoundOut(t *testing.T) {
	z := newCoder()
	doc := []byte("{\"schema\":\"ipctop/1\",\n\"taken\":\"2025-03-01T12:00:00Z\"}\n")
	other := bytes.Replace(doc, []byte("12:00"), []byte("13:00"), 1)
	b := appendFrame(nil, header{kind: typeFile}, nil)
	b = appendFrame(b, header{kind: typeKey, document: checksum(doc)}, z.compress(doc))
	b = appendFrame(b, header{kind: typeDelta, document: checksum(doc)}, z.compress(appendDelta(nil, lines(doc), lines(other), 0)))
	rec := open(t, b)
	if got, err := rec.JSON(0); err != nil || !bytes.Equal(got, doc) {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := rec.JSON(1); err == nil {
		t.Errorf("made up: %q", got)
	}
}
