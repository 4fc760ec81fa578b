package record

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"
)

// TestManyNumbers changes so many numbers of a line that their count takes two bytes.
func TestManyNumbers(t *testing.T) {
	old, line := bytes.Repeat([]byte("5,x7,"), 200), bytes.Repeat([]byte("5,x17,"), 200)
	b, ok := appendNumbers([]byte{1}, old, line, int64(time.Second))
	if n, _ := binary.Uvarint(b[1:]); !ok || n != 200 {
		t.Fatalf("%d numbers differ, want 200", n)
	}
	d := deltaReader{b: b[1:], shift: int64(time.Second)}
	if got := d.appendNumbered(nil, old); d.err != nil || !bytes.Equal(got, line) || len(d.b) > 0 {
		t.Errorf("it becomes %s, %v, want %s", got, d.err, line)
	}
	if b, ok := appendNumbers([]byte{1}, old, append(line, 'y'), 0); ok || !bytes.Equal(b, []byte{1}) {
		t.Errorf("of a line that differs in more it says %v", b)
	}
}
