package fdscan

import (
	"os"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/fdscan/files"
	"github.com/ipctop/ipctop/fdscan/pipes"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/probe/probetest"
)

func TestParseDescriptor(t *testing.T) {
	got, err := parseDescriptor([]byte("pos:\t18446\nflags:\t0102001\nmnt_id:\t29\nino:\t4711\nlock:\t1: FLOCK  ADVISORY  WRITE 1 00:01:2 0 EOF\n"))
	large := largeFile() == 0o100000
	want := []string{"O_APPEND"}
	if !large {
		want = append(want, "O_NOFOLLOW") // bit 15 of arm64
	}
	if err != nil || got.offset != model.Some[int64](18446) || got.ino != model.Some[uint64](4711) || !slices.Equal(got.flags, want) {
		t.Errorf("%+v, %v", got, err)
	}
	// Flags are octal. A flag that is part of another one is not listed again.
	got, err = parseDescriptor([]byte("pos:\t0\nflags:\t06010002\n"))
	if err != nil || got.ino.Known() || !slices.Equal(got.flags, []string{"O_CLOEXEC", "O_SYNC"}) {
		t.Errorf("%+v, %v", got, err)
	}
	// Lines that the kind of file appends do not belong to the descriptor: signalfd and epoll use words with
	// these names.
	got, err = parseDescriptor([]byte("pos:\t0\nflags:\t02\nmnt_id:\t15\nino:\t9\ntfd: 5 events: 19 data: 5 pos:7 ino:aa sdev:1\nflags: zz\n"))
	if err != nil || got.flags == nil || len(got.flags) != 0 || got.ino != model.Some[uint64](9) {
		t.Errorf("%+v, %v", got, err)
	}
	for _, text := range []string{"pos:\t-\n", "flags:\t8\n", "ino:\tx\n"} {
		if _, err := parseDescriptor([]byte(text)); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

// Flags are read only of the objects that the user wants to see, from all their holders.
func TestDescriptorsOfObject(t *testing.T) {
	var wanted, other [2]int
	for _, p := range []*[2]int{&wanted, &other} {
		if err := unix.Pipe2(p[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
			t.Fatal(err)
		}
		defer unix.Close(p[0])
		defer unix.Close(p[1])
	}
	id := func(fd int) string {
		var st unix.Stat_t
		if err := unix.Fstat(fd, &st); err != nil {
			t.Fatal(err)
		}
		return "pipe:" + model.Big(st.Ino).String()
	}
	snap := probetest.ScanWith(t, probe.Options{
		Probes: []probe.Probe{pipes.Pipe(), files.File(), Descriptors()},
		Detail: func(*model.Snapshot) ([]int, []string) { return nil, []string{id(wanted[0])} },
	})
	for _, tt := range []struct {
		fd   int
		want bool
	}{{wanted[0], true}, {other[0], false}} {
		for _, h := range probetest.Object(t, snap, id(tt.fd)).Holders {
			if int(h.PID) != os.Getpid() {
				continue
			}
			if told := h.Extent != nil && slices.Equal(h.Flags, []string{"O_NONBLOCK", "O_CLOEXEC"}) && !h.Offset.Known(); told != tt.want {
				t.Errorf("descriptor %d: %+v", h.FD.Or(-1), h.Extent)
			}
		}
	}
}
