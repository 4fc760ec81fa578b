package waitstate

import (
	"encoding/binary"
	"testing"
)

// frameAt lays a signal frame into a stack.
func frameAt(stack []byte, at int, before uint64, signal uint32) {
	put := func(offset int, v uint64) { binary.LittleEndian.PutUint64(stack[at+offset:], v) }
	put(frameFlags, 7)
	put(frameSP, 0x7ffc_0000_0000)
	put(frameSegs, userSegments)
	put(frameMask, before)
	binary.LittleEndian.PutUint32(stack[at+frameSignal:], signal)
}

func TestFindHandlerFrame(t *testing.T) {
	const usr1, term, chld = 1 << 9, 1 << 14, 1 << 16
	for _, tt := range []struct {
		name            string
		at              int
		before          uint64
		signal          uint32
		blocked, caught uint64
		want            int
		found           bool
	}{
		{"one signal", 80, 0, 0, usr1, usr1 | term, 10, true},
		{"the siginfo tells which", 80, 0, 15, usr1 | term, usr1 | term, 15, true},
		{"one of two", 80, 0, 0, usr1 | term, usr1 | term, 0, true},
		{"a stale siginfo", 80, 0, 9, usr1 | term, usr1 | term, 0, true},
		{"blocked before", 80, usr1, 0, usr1, usr1, 0, false},
		{"what was blocked then is not blocked now", 80, chld, 0, usr1, usr1, 0, false},
		{"not caught", 80, 0, 0, usr1, term, 0, false},
		{"signal 64", 8, 0, 64, 1 << 63, 1 << 63, 64, true},
	} {
		stack := make([]byte, 1024)
		frameAt(stack, tt.at, tt.before, tt.signal)
		signal, found := findHandlerFrame(stack, 0x7ffc_0000_1000, tt.blocked, tt.caught)
		if signal != tt.want || found != tt.found {
			t.Errorf("%s: %d, %v", tt.name, signal, found)
		}
		if _, found := findHandlerFrame(stack[:tt.at+frameSize-1], 0x7ffc_0000_1000, tt.blocked, tt.caught); found {
			t.Errorf("%s: a frame that is cut off is found", tt.name)
		}
	}
}

func FuzzFindHandlerFrame(f *testing.F) {
	stack := make([]byte, 512)
	frameAt(stack, 0, 0, 10)
	f.Add(stack, uint64(8), uint64(1<<9), uint64(1<<9))
	f.Fuzz(func(t *testing.T, stack []byte, sp, blocked, caught uint64) {
		signal, found := findHandlerFrame(stack, sp, blocked, caught)
		if !found && signal != 0 || signal != 0 && (blocked&caught)>>(signal-1)&1 == 0 {
			t.Errorf("signal %d, found %v", signal, found)
		}
	})
}
