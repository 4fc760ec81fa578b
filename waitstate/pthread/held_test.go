package pthread

import "testing"

func TestHeld(t *testing.T) {
	const tid = 4711
	for _, tt := range []struct {
		name  string
		pi    bool
		words map[int]uint32
		want  Lock
	}{
		{"glibc", false, map[int]uint32{0: tid, 16: 0x90}, Lock{Type: RobustMutex, Libc: "glibc", Owner: tid}},
		{"glibc, private, recursive, waited for", false, map[int]uint32{0: tid | waiters, 16: 0x11}, Lock{Type: RobustMutex, Libc: "glibc", Owner: tid}},
		{"glibc with priority inheritance", true, map[int]uint32{0: tid, 16: 0xb0}, Lock{Type: PIMutex, Libc: "glibc", Owner: tid}},
		{"musl", false, map[int]uint32{0: tid, -4: 0x84}, Lock{Type: RobustMutex, Libc: "musl", Owner: tid}},
		{"nobody's layout", false, map[int]uint32{0: tid}, Lock{Type: RobustMutex, Owner: tid}},
		{"taken over from one that died", false, map[int]uint32{0: tid | ownerDied, 16: 0x90}, Lock{Type: RobustMutex, Libc: "glibc", Owner: tid, Died: true}},
		{"unlocked meanwhile", false, map[int]uint32{16: 0x90}, Lock{Type: RobustMutex, Libc: "glibc"}},
	} {
		b, at := around(tt.words)
		if got := Held(b, at, tt.pi); got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
}
