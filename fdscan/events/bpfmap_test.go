package events

import (
	"errors"
	"os"
	"reflect"
	"strconv"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe/probetest"
	"github.com/ipctop/ipctop/proc"
)

// Captured on 6.1, with other numbers: 16 would be 22 if a number were hexadecimal.
const bpfMapText = "pos:\t0\nflags:\t02000002\nmnt_id:\t15\nino:\t2057\nmap_type:\t9\nkey_size:\t10\nvalue_size:\t16\nmax_entries:\t255\nmap_flags:\t0x400\n" +
	"map_extra:\t0x10\nmemlock:\t2147483648\nmap_id:\t4294967295\nfrozen:\t0\n"

func TestParseBPFMap(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want model.BPFMapDetail
	}{
		"whole": {bpfMapText, model.BPFMapDetail{
			MapID: model.Some[int64](1<<32 - 1), MapType: "lru_hash", KeySize: model.Some[int64](10), ValueSize: model.Some[int64](16),
			MaxEntries: model.Some[int64](255), Memory: model.Some[int64](1 << 31), Frozen: model.Some(false),
		}},
		"4.17, of a later type": {
			"map_type:\t2147483648\nkey_size:\t0\n",
			model.BPFMapDetail{MapType: "2147483648", KeySize: model.Some[int64](0)},
		},
		"ring buffer": {"map_type:\t27\nfrozen:\t1\n", model.BPFMapDetail{MapType: "ringbuf", Frozen: model.Some(true)}},
		"nothing":     {"", model.BPFMapDetail{}},
	} {
		if got, err := parseBPFMap([]byte(c.text)); err != nil || !reflect.DeepEqual(*got, c.want) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	for _, text := range []string{"map_id:\t0x10\n", "map_id:\t-1\n", "frozen:\t\n"} {
		if got, err := parseBPFMap([]byte(text)); !errors.Is(err, proc.ErrMalformed) || got.MapID.Known() || got.Frozen.Known() {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}

func FuzzParseBPFMap(f *testing.F) {
	f.Add([]byte(bpfMapText))
	f.Fuzz(func(_ *testing.T, b []byte) { _, _ = parseBPFMap(b) })
}

// newBPFMap makes a map (BPF_MAP_CREATE).
func newBPFMap(t *testing.T, typ, keySize, valueSize, maxEntries uint32) int {
	t.Helper()
	attr := [5]uint32{typ, keySize, valueSize, maxEntries}
	fd, _, errno := unix.Syscall(unix.SYS_BPF, unix.BPF_MAP_CREATE, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr))
	if errno != 0 {
		t.Skip("bpf: ", errno)
	}
	t.Cleanup(func() { _ = unix.Close(int(fd)) })
	return int(fd)
}

// Two descriptors of one map are one object, two equal maps are two objects.
func TestLiveBPFMap(t *testing.T) {
	fd, other := newBPFMap(t, unix.BPF_MAP_TYPE_ARRAY, 4, 17, 16), newBPFMap(t, unix.BPF_MAP_TYPE_ARRAY, 4, 17, 16)
	second, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(second)
	snap := probetest.Scan(t, BPFMap())
	holds := func(fd int) *model.Object {
		for i := range snap.Objects {
			for _, h := range snap.Objects[i].Holders {
				if int(h.PID) == os.Getpid() && h.FD == model.Some(int32(fd)) && h.Access == model.ReadWrite {
					return snap.Objects[i]
				}
			}
		}
		t.Fatalf("nothing is held by descriptor %d; gaps %+v", fd, snap.Gaps)
		return nil
	}
	o := holds(fd)
	if o != holds(second) || o == holds(other) || o.Kind != model.BPFMap {
		t.Errorf("%s, %s and %s", o.ID, holds(second).ID, holds(other).ID)
	}
	d := o.Detail.(*model.BPFMapDetail)
	if d.MapType != "array" || d.KeySize != model.Some[int64](4) || d.ValueSize != model.Some[int64](17) || d.MaxEntries != model.Some[int64](16) ||
		d.Memory.Or(0) < 16*17 || d.Frozen.Or(false) || o.ID != "bpf-map:"+strconv.FormatInt(d.MapID.Or(-1), 10) {
		t.Errorf("%s %+v", o.ID, d)
	}
}
