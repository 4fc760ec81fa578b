package filelock

import (
	"testing"

	"github.com/ipctop/ipctop/proc"
)

// TestBaseOfNumbers gives the numbers of a line values that would be different in
// another base: only the device is hexadecimal.
func TestBaseOfNumbers(t *testing.T) {
	list, bad := parseLocks([]byte("16: POSIX  ADVISORY  WRITE 255 10:ff:2147483648 9 4294967296\n"))
	if len(bad) > 0 || len(list) != 1 {
		t.Fatalf("%+v, %v", list, bad)
	}
	want := record{number: 16, class: posix, mode: "WRITE", pid: 255, dev: proc.Dev(16, 255), ino: 1 << 31, start: 9, end: 1 << 32}
	if list[0] != want {
		t.Errorf("%+v, want %+v", list[0], want)
	}
}
