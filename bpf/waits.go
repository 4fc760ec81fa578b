package bpf

import (
	"errors"
	"fmt"
	"time"

	"github.com/cilium/ebpf"
)

// maxWaits is how many waits a [Tracer] counts. Beyond that the oldest waits without an end
// are dropped.
const maxWaits = 8192

// Waits summarizes the waits of a thread in one system call with the same first
// argument that ended while they were counted.
type Waits struct {
	Who      Party
	Call     int64 // the system call; -1: none
	Call32   bool  // Call is a number of 32-bit programs
	Argument uint64

	Count uint64
	Slept time.Duration // total
	Usual time.Duration // half of them lasted no longer, within a factor of 1.5
	Last  time.Time     // when the last one ended
	Waker Party         // the thread that ran then; see By
	By    WokenBy
}

const (
	waitKeySize = 24
	waitsSize   = 280
	waitBuckets = 32
)

// Waits calls f for what was counted ([TraceOptions.Waits]). It may be called
// concurrently with the other methods, except Close.
func (t *Tracer) Waits(f func(w *Waits)) error {
	const batch = 512
	var cursor ebpf.MapBatchCursor
	keys, values := make([][waitKeySize]byte, batch), make([][waitsSize]byte, batch)
	for {
		n, err := t.maps["waits"].BatchLookup(&cursor, keys, values, nil)
		if err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) { // this error says that it was the last batch
			return fmt.Errorf("read waits: %w", err)
		}
		for i := range n {
			if w := t.parseWaits(keys[i][:], values[i][:]); w.Count > 0 { // else the entry is being made
				f(w)
			}
		}
		if err != nil {
			return nil
		}
	}
}

func (t *Tracer) parseWaits(key, value []byte) *Waits {
	w := &Waits{}
	f := fields{key}
	f.u64() // the thread, skipped
	w.Call, w.Call32 = call(f.u64())
	w.Argument = f.u64()
	f = fields{value}
	f.u64() // when the thread started, skipped
	w.Count = f.u64()
	w.Slept = time.Duration(f.u64())
	w.Last = t.clock(f.u64())
	f.u64() // the waker, skipped
	f.u64()
	w.By = wokenBy(f.u32())
	f.u32()
	w.Who, w.Waker = f.party(), f.party()
	var buckets [waitBuckets]uint32
	for i := range buckets {
		buckets[i] = f.u32()
	}
	w.Usual = median(buckets)
	return w
}

// median returns the middle of the bucket that has the median.
func median(buckets [waitBuckets]uint32) time.Duration {
	var all, below uint64
	for _, n := range buckets {
		all += uint64(n)
	}
	for i, n := range buckets {
		if below += uint64(n); below > 0 && 2*below >= all {
			return 1024 * time.Nanosecond << i * 3 / 2 // the bucket is from 1,024 << i to twice that
		}
	}
	return 0
}
