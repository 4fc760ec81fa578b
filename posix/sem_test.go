package posix

import (
	"encoding/binary"
	"testing"

	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/proc"
)

// words makes a sem_t from 32-bit words; the rest is zero.
func words(size int, w ...uint32) []byte {
	b := make([]byte, size)
	for i, v := range w {
		binary.NativeEndian.PutUint32(b[4*i:], v)
	}
	return b
}

func TestParseSem(t *testing.T) {
	for _, c := range []struct {
		name           string
		libc           string
		text           []byte
		value, waiters int64 // value -1: not a semaphore
	}{
		{"glibc", "glibc", words(32, 3, 0, 0x80), 3, 0},
		{"glibc, waited for", "glibc", words(32, 0, 7, 0x80), 0, 7},
		{"glibc, largest", "glibc", words(32, 1<<31-1, 0, 0x80), 1<<31 - 1, 0},
		{"glibc, 32-bit", "glibc", words(16, 5<<1|1, 0x80, 0, 2), 5, 2},
		{"glibc, private", "glibc", words(32, 3, 0, 0), -1, 0},
		{"glibc, too large", "glibc", words(32, 1<<31, 0, 0x80), -1, 0},
		{"glibc, not zero after it", "glibc", words(32, 3, 0, 0x80, 0, 0, 0, 0, 1), -1, 0},
		{"musl", "musl", words(32, 3), 3, 0},
		{"musl, contended, before 1.2.4", "musl", words(32, 0xffffffff, 1), 0, 1},
		{"musl, contended", "musl", words(32, 1<<31, 2), 0, 2},
		{"musl, value and waiters", "musl", words(32, 1<<31|4, 2), 4, 2},
		{"musl, private", "musl", words(32, 3, 0, 0x80), -1, 0},
		{"musl, 16 bytes", "musl", words(16, 3), -1, 0},
		{"too short", "glibc", words(16, 3)[:12], -1, 0},
		{"too long", "glibc", words(36, 3, 0, 0x80), -1, 0},
		{"empty", "glibc", nil, -1, 0},
	} {
		d, err := parseSem(c.text, c.libc)
		if c.value < 0 {
			if proc.ReasonOf(err) != "malformed" {
				t.Errorf("%s: %+v, %v, want none", c.name, d, err)
			}
			continue
		}
		if err != nil || d.Value.Or(-1) != c.value || d.Waiters.Or(-1) != c.waiters {
			t.Errorf("%s: %+v, %v, want %d and %d", c.name, d, err, c.value, c.waiters)
		}
	}
}

func FuzzParseSem(f *testing.F) {
	f.Add(words(32, 3, 0, 0x80), "glibc")
	f.Add(words(16, 3, 0x80), "glibc")
	f.Add(words(32, 1<<31), "musl")
	f.Fuzz(func(t *testing.T, b []byte, libc string) {
		if d, err := parseSem(b, libc); err == nil && (d.Value.Or(-1) < 0 || d.Waiters.Or(-1) < 0) {
			t.Errorf("%x of %s: %+v", b, libc, d)
		}
	})
}

func TestMuslTemporary(t *testing.T) {
	for link, want := range map[string]bool{
		"/dev/shm/tmp-123 (deleted)":     true,
		"/dev/shm/tmp-123":               false,
		"/dev/shm/tmp- (deleted)":        false,
		"/dev/shm/tmp-12a (deleted)":     false,
		"/dev/shm/sem.DH5M1V (deleted)":  false,
		"/dev/shm/sub/tmp-123 (deleted)": false,
		"/tmp/tmp-123 (deleted)":         false,
		"":                               false,
	} {
		if got := muslTemporary(link); got != want {
			t.Errorf("%q: %v, want %v", link, got, want)
		}
	}
}

func TestMapsMusl(t *testing.T) {
	const musl = "7f0000000000-7f0000001000 r--p 00000000 00:2a 1234                       /lib/ld-musl-x86_64.so.1\n"
	const glibc = "7f0000000000-7f0000001000 r--p 00000000 fe:00 325835                    /usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2\n"
	for text, want := range map[string]bool{musl: true, glibc: false, glibc + musl: true, "": false, "7f00-7f01 rw-p 0 00:00 0\n": false} {
		if got := mapsMusl([]byte(text)); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

func TestLockedIn(t *testing.T) {
	k := probe.Key{Space: probe.Files, Scope: proc.Dev(0, 27), Num: 11}
	for text, want := range map[string]bool{
		"1: LEASE  ACTIVE    WRITE 42944 00:1b:11 0 EOF\n":  true,
		"1: LEASE  ACTIVE    WRITE 42944 00:1b:111 0 EOF\n": false,
		"1: LEASE  ACTIVE    WRITE 42944 10:1b:11 0 EOF\n":  false,
		"": false,
	} {
		if got := lockedIn([]byte(text), k); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

func TestOnTmpfs(t *testing.T) {
	mount := func(point, fsType string) proc.Mount { return proc.Mount{Point: point, Type: fsType} }
	root := mount("/", "ext4")
	for _, c := range []struct {
		name   string
		mounts []proc.Mount
		want   bool
	}{
		{"usual", []proc.Mount{root, mount("/dev", "devtmpfs"), mount("/dev/shm", "tmpfs")}, true},
		{"directory of /dev", []proc.Mount{root, mount("/dev", "tmpfs")}, true},
		{"directory of the root", []proc.Mount{root}, false},
		{"hidden below a foreign one", []proc.Mount{root, mount("/dev/shm", "tmpfs"), mount("/dev/shm", "fuse.x")}, false},
		{"similar name", []proc.Mount{root, mount("/dev/shm2", "tmpfs"), mount("/de", "tmpfs")}, false},
		{"nothing", nil, false},
	} {
		if got := onTmpfs(c.mounts); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
