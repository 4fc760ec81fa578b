package bpf

import (
	"strings"
	"testing"
	"time"
)

func TestMedian(t *testing.T) {
	for _, test := range []struct {
		name    string
		buckets map[int]uint32
		want    time.Duration
	}{
		{"none", nil, 0},
		{"one short", map[int]uint32{0: 1}, 1536},
		{"one long", map[int]uint32{31: 1}, 1536 << 31},
		{"mostly short", map[int]uint32{1: 6, 20: 5}, 1536 << 1},
		{"mostly long", map[int]uint32{1: 5, 20: 6}, 1536 << 20},
	} {
		var buckets [waitBuckets]uint32
		for i, n := range test.buckets {
			buckets[i] = n
		}
		if got := median(buckets); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

// TestAttachOrder: programs for the end of an interrupt are attached before those for its
// beginning.
func TestAttachOrder(t *testing.T) {
	o := TraceOptions{Over: 1}
	for _, object := range o.objects() {
		begun := false
		for _, program := range inOrder(object.at) {
			begins, ends := strings.HasSuffix(program, "_begins"), strings.HasSuffix(program, "_ends")
			if begun = begun || begins; begun && ends {
				t.Errorf("%s is attached after one that begins", program)
			}
		}
	}
}
