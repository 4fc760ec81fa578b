package probe

import "testing"

// A left-out descriptor is found by its number and by its inode, for few questions and for many.
func TestWantedHas(t *testing.T) {
	w := &wanted{}
	for n := range int32(50) {
		w.noteOmitted([]omitted{{pid: 100 - n, fd: n, ino: uint64(1000 - n)}, {pid: 100 - n, fd: n + 100}})
	}
	for n := range int32(2 * fewLookups) {
		if pid := 100 - n; !w.has(pid, n, 0) || !w.has(pid, n+100, 0) || w.has(pid, n+1, 0) || w.has(pid, n+1, 5) {
			t.Errorf("%d: descriptors %d and %d were left out, %d was not", pid, n, n+100, n+1)
		}
		if !w.has(7, 7, uint64(1000-n)) || w.has(7, 7, 0) {
			t.Errorf("inode %d was left out, and none that has no number", 1000-n)
		}
	}
}

// A call is parsed as the kernel writes it; for a thread in no call, there is no result.
func TestParseCall(t *testing.T) {
	c, ok := parseCall([]byte("202 0x7f10 0x80 0x2 0x0 0x0 0xffffffff 0x7ffd00000001 0x7f0000000002\n"))
	if want := (call{202, [2]uint64{0x7f10, 0x80}, 0x7ffd00000001, 0x7f0000000002}); !ok || c != want || c.maybe32() {
		t.Errorf("%+v, %v, want %+v", c, ok, want)
	}
	for _, text := range []string{"running\n", "-1 0x7ffd00000001 0x7f0000000002\n", "", "0 0x0 0x0 0x0 0x0 0x0 0x0 0x0 nonsense\n"} {
		if c, ok := parseCall([]byte(text)); ok {
			t.Errorf("%q: %+v", text, c)
		}
	}
	if c, ok := parseCall([]byte("3 0x0 0x0 0x0 0x0 0x0 0x0 0xffd00000 0xf7f00000\n")); !ok || !c.maybe32() {
		t.Errorf("%+v, %v may be of a 32-bit program", c, ok)
	}
}
