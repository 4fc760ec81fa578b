package waitstate

import (
	"encoding/binary"
	"testing"
)

// frameAt writes a signal frame into a stack.
func (l *frameLayout) frameAt(stack []byte, at int, before uint64, signal uint32) {
	put := func(offset int, v uint64) { binary.LittleEndian.PutUint64(stack[at+offset:], v) }
	put(l.flags, l.most)
	put(l.sp, 0x7ffc_0000_0000)
	put(l.mark, l.marked)
	put(l.mask, before)
	binary.LittleEndian.PutUint32(stack[at+l.signal:], signal)
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
		{"signal 64", 16, 0, 64, 1 << 63, 1 << 63, 64, true},
	} {
		for _, l := range []*frameLayout{&amd64Frame, &arm64Frame} {
			stack := make([]byte, 1024)
			l.frameAt(stack, tt.at, tt.before, tt.signal)
			signal, found := l.find(stack, 0x7ffc_0000_1000, tt.blocked, tt.caught)
			if signal != tt.want || found != tt.found {
				t.Errorf("%s, size %d: %d, %v", tt.name, l.size, signal, found)
			}
			if _, found := l.find(stack[:tt.at+l.size-1], 0x7ffc_0000_1000, tt.blocked, tt.caught); found {
				t.Errorf("%s, size %d: a frame that is cut off is found", tt.name, l.size)
			}
		}
	}
}

func FuzzFindHandlerFrame(f *testing.F) {
	for _, l := range []*frameLayout{&amd64Frame, &arm64Frame} {
		stack := make([]byte, 640)
		l.frameAt(stack, 0, 0, 10)
		f.Add(stack, uint64(16), uint64(1<<9), uint64(1<<9))
	}
	f.Fuzz(func(t *testing.T, stack []byte, sp, blocked, caught uint64) {
		for _, l := range []*frameLayout{&amd64Frame, &arm64Frame} {
			signal, found := l.find(stack, sp, blocked, caught)
			if !found && signal != 0 || signal != 0 && (blocked&caught)>>(signal-1)&1 == 0 {
				t.Errorf("signal %d, found %v", signal, found)
			}
		}
	})
}
