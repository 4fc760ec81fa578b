package proc

import (
	"bytes"
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

func TestParseInfoIdentity(t *testing.T) {
	mount, ino, err := ParseInfoIdentity([]byte("pos:\t0\nflags:\t02100002\nmnt_id:\t27\nino:\t9981105\nlock:\t1: x\n"))
	if err != nil || mount != 27 || ino != 9981105 {
		t.Errorf("got %d, %d, %v", mount, ino, err)
	}
	if _, _, err := ParseInfoIdentity([]byte("pos:\t0\nmnt_id:\t27\n")); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("without ino: %v, want unsupported", err)
	}
	for _, text := range []string{"mnt_id:\t-1\nino:\t2\n", "mnt_id:\t1\nino:\tx\n"} {
		if _, _, err := ParseInfoIdentity([]byte(text)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%q: %v, want malformed", text, err)
		}
	}
}

func FuzzParseInfoIdentity(f *testing.F) {
	f.Add([]byte("pos:\t0\nmnt_id:\t27\nino:\t9981105\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, _, err := ParseInfoIdentity(b); err != nil && ReasonOf(err) == "other" {
			t.Errorf("%q: %v has no reason", b, err)
		}
	})
}

// TestSuperDev: on a btrfs subvolume stat tells a device that no mount has.
func TestSuperDev(t *testing.T) {
	table := NewMountTable(parseMounts([]byte(`30 1 0:40 / /sub\040dir rw shared:1 - btrfs /dev/x\040y rw
31 1 254:16 / / rw - ext4 /dev/vda rw
32 1 254 / /x rw - ext4 /dev/vda rw
33 31 0:4 net:[4026532000] /run/netns/a\134b rw - nsfs nsfs rw
`)))
	stat := func(major, minor uint32, mount uint64) *unix.Statx_t {
		return &unix.Statx_t{Dev_major: major, Dev_minor: minor, Mnt_id: mount, Mask: unix.STATX_MNT_ID}
	}
	old := stat(0, 41, 30)
	old.Mask = 0 // before Linux 5.8
	for _, c := range []struct {
		name string
		t    *MountTable
		st   *unix.Statx_t
		want uint64
	}{
		{"subvolume", table, stat(0, 41, 30), Dev(0, 40)},
		{"its own device", table, stat(254, 16, 31), Dev(254, 16)},
		{"the kernel's own mount", table, stat(0, 1, 2), Dev(0, 1)},
		{"mount unknown", table, old, Dev(0, 41)},
		{"no table", nil, stat(0, 41, 30), Dev(0, 41)},
	} {
		if got := c.t.SuperDev(c.st); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, DevString(got), DevString(c.want))
		}
	}
	if len(table.Mounts) != 3 || table.types["/sub dir"] != "btrfs" || table.Mounts[2].Point != `/run/netns/a\b` || table.Mounts[2].Root != "net:[4026532000]" {
		t.Errorf("one bad line: %+v", table.Mounts)
	}
}

func FuzzParseMounts(f *testing.F) {
	f.Add([]byte("30 1 0:40 / /sub\\040dir rw shared:1 - btrfs /dev/x rw\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		table := NewMountTable(parseMounts(b))
		if len(table.Mounts) > bytes.Count(b, []byte("\n"))+1 {
			t.Errorf("%d mounts", len(table.Mounts))
		}
		table.LocalPath("/sub dir/x")
	})
}
