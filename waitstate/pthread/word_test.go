package pthread

import (
	"encoding/binary"
	"testing"
)

// around makes memory from words, given by their offset from the futex word.
func around(words map[int]uint32) ([]byte, int) {
	b := make([]byte, Before+After)
	for offset, v := range words {
		binary.LittleEndian.PutUint32(b[Before+offset:], v)
	}
	return b, Before
}

func TestIdentify(t *testing.T) {
	const tid = 4711
	for _, tt := range []struct {
		name  string
		wait  Wait
		words map[int]uint32
		want  Lock
	}{
		{"glibc mutex", Wait{Value: 2}, map[int]uint32{0: 2, 8: tid, 12: 1, 16: 0x80}, Lock{Type: Mutex, Libc: "glibc", Owner: tid}},
		{"the same, of another scope", Wait{Value: 2, Private: true}, map[int]uint32{0: 2, 8: tid, 12: 1, 16: 0x80}, Lock{Type: Unknown}},
		{"one without an owner", Wait{Value: 2}, map[int]uint32{0: 2, 12: 1, 16: 0x80}, Lock{Type: Unknown}},
		{"a bare word", Wait{Value: 2}, map[int]uint32{0: 2}, Lock{Type: Unknown}},
		{
			"robust mutex whose owner died",
			Wait{Value: tid | waiters},
			map[int]uint32{0: tid | waiters | ownerDied, 16: 0x90},
			Lock{Type: RobustMutex, Libc: "glibc", Owner: tid, Died: true},
		},
		{"PI mutex of nobody's library", Wait{Call: PI}, map[int]uint32{0: tid | waiters}, Lock{Type: PIMutex, Owner: tid}},
		{"PI mutex of glibc", Wait{Call: PI}, map[int]uint32{0: tid | waiters, 16: 0xa0}, Lock{Type: PIMutex, Libc: "glibc", Owner: tid}},
		{
			"glibc mutex, with a time limit",
			Wait{Call: Bitset, Timed: true, Value: 2},
			map[int]uint32{0: 2, 8: tid, 12: 1, 16: 0x80},
			Lock{Type: Mutex, Libc: "glibc", Owner: tid},
		},
		{
			"recursive one, with a time limit",
			Wait{Call: Bitset, Timed: true, Value: 2, Private: true},
			map[int]uint32{0: 2, 4: 3, 8: tid, 12: 1, 16: 1},
			Lock{Type: Mutex, Libc: "glibc", Owner: tid},
		},
		{"what only looks like one", Wait{Call: Bitset, Timed: true, Value: 2, Private: true}, map[int]uint32{0: 2, 4: 3, 8: tid, 12: 1}, Lock{Type: Unknown}},
		{"a word of another library, without a limit", Wait{Call: Bitset, Value: 2}, map[int]uint32{0: 2, 8: tid, 12: 1, 16: 0x80}, Lock{Type: Unknown}},
		{
			"robust mutex, with a time limit",
			Wait{Call: Bitset, Timed: true, Value: tid | waiters, Private: true},
			map[int]uint32{0: tid | waiters, 8: tid, 12: 1, 16: 0x10},
			Lock{Type: RobustMutex, Libc: "glibc", Owner: tid},
		},
		{
			"glibc 2.41 cond before a locked recursive mutex, with a time limit",
			Wait{Call: Bitset, Timed: true, Value: 2, Private: true},
			map[int]uint32{-8: 8, 0: 2, 4: 0, 8: 0, 12: 1, 16: 1, 20: tid, 24: 1},
			Lock{Type: Cond, Libc: "glibc"},
		},
		{
			"reader of a write-locked rwlock, with a time limit",
			Wait{Call: Bitset, Timed: true, Value: 2},
			map[int]uint32{-8: 8 | 7, 0: 2, 16: tid, 20: 1},
			Lock{Type: RWLock, Libc: "glibc", Owner: tid},
		},
		{"glibc semaphore, with a time limit", Wait{Call: Bitset, Timed: true}, map[int]uint32{4: 1, 8: 0x80}, Lock{Type: Sem, Libc: "glibc"}},
		{"glibc semaphore", Wait{Call: Bitset}, map[int]uint32{4: 1, 8: 0x80}, Lock{Type: Sem, Libc: "glibc"}},
		{"glibc 2.36 cond", Wait{Call: Bitset, Private: true}, map[int]uint32{-4: 8}, Lock{Type: Cond, Libc: "glibc"}},
		{"its other group", Wait{Call: Bitset, Private: true}, map[int]uint32{-8: 8 | 2}, Lock{Type: Cond, Libc: "glibc"}},
		{"notifier that waits for the first group", Wait{Value: 5}, map[int]uint32{0: 5, 16: 1, 20: 17}, Lock{Type: CondNotify, Libc: "glibc"}},
		{"for the second", Wait{Value: 3, Private: true}, map[int]uint32{0: 3, 12: 2 | 4, 16: 0}, Lock{Type: CondNotify, Libc: "glibc"}},
		{"nobody has the condition's lock", Wait{Value: 5}, map[int]uint32{0: 5, 16: 0, 20: 17}, Lock{Type: Unknown}},
		{"no group that it waits for", Wait{Value: 4}, map[int]uint32{0: 4, 16: 1, 20: 17}, Lock{Type: Unknown}},
		{
			"reader of a write-locked rwlock",
			Wait{Call: Bitset, Value: 3},
			map[int]uint32{-8: 8 | 7, 0: 3, 16: tid, 20: 1},
			Lock{Type: RWLock, Libc: "glibc", Owner: tid},
		},
		{
			"second writer",
			Wait{Call: Bitset, Value: 3},
			map[int]uint32{-12: 3, -8: 1, 0: 3, 12: tid, 16: 1},
			Lock{Type: RWLock, Libc: "glibc", Owner: tid},
		},
		{"barrier", Wait{Value: 4}, map[int]uint32{-4: 5, 0: 4, 4: 2, 8: 0x80, 12: 4}, Lock{Type: Barrier, Libc: "glibc"}},
		{"join", Wait{Call: Bitset, Value: tid}, map[int]uint32{0: tid}, Lock{Type: Join, Libc: "glibc", Owner: tid}},
		{"join, with a cond's words before", Wait{Call: Bitset, Value: tid}, map[int]uint32{-4: 9, 0: tid}, Lock{Type: Join, Libc: "glibc", Owner: tid}},
		{"the word of a thread elsewhere", Wait{Call: Bitset, Value: tid + 1}, map[int]uint32{0: tid + 1}, Lock{Type: Unknown}},
		{"musl normal mutex", Wait{Value: 0x80000010}, map[int]uint32{-4: 0x80, 0: 0x80000010, 4: 1}, Lock{Type: Mutex, Libc: "musl"}},
		{
			"musl recursive mutex",
			Wait{Value: tid | waiters},
			map[int]uint32{-4: 0x81, 0: tid | waiters, 4: 1},
			Lock{Type: Mutex, Libc: "musl", Owner: tid},
		},
		{"musl robust mutex", Wait{Value: tid | waiters}, map[int]uint32{-4: 0x84, 0: tid | waiters, 4: 1}, Lock{Type: RobustMutex, Libc: "musl", Owner: tid}},
		{"musl 1.2.3 semaphore", Wait{Value: ^uint32(0)}, map[int]uint32{0: ^uint32(0), 4: 1}, Lock{Type: Sem, Libc: "musl"}},
		{"musl 1.2.4 semaphore", Wait{Value: waiters}, map[int]uint32{0: waiters, 4: 1}, Lock{Type: Sem, Libc: "musl"}},
		{"musl rwlock", Wait{Value: ^uint32(0)}, map[int]uint32{0: ^uint32(0), 4: 1, 8: 0x80}, Lock{Type: RWLock, Libc: "musl"}},
		{"musl cond", Wait{}, map[int]uint32{-8: ^uint32(0), -4: ^uint32(0), 4: 1}, Lock{Type: Cond, Libc: "musl"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.wait.Around, tt.wait.At = around(tt.words)
			if got := Identify(tt.wait, func(n int) bool { return n == tid }); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
			// From the word alone, less is known, but never something different.
			tt.wait.Around, tt.wait.At = tt.wait.Around[Before:Before+4], 0
			if got := Identify(tt.wait, func(n int) bool { return n == tid }); got.Type != Unknown && got.Type != tt.want.Type {
				t.Errorf("of the word alone: %+v", got)
			}
		})
	}
}

func FuzzIdentify(f *testing.F) {
	b, at := around(map[int]uint32{0: 2, 8: 4711, 12: 1, 16: 0x80})
	f.Add(b, at, 0, uint32(2), false)
	f.Add(b[:3], 0, 1, uint32(0), true)
	f.Fuzz(func(t *testing.T, b []byte, at, call int, value uint32, private bool) {
		if at < -1<<20 || at > 1<<20 {
			return
		}
		l := Identify(Wait{Call: Call(call), Value: value, Private: private, Around: b, At: at}, func(int) bool { return true })
		if l.Type == "" || l.Owner < 0 || l.Owner > tidMask || !l.Type.HasOwner() && l.Owner != 0 {
			t.Errorf("%+v", l)
		}
	})
}
