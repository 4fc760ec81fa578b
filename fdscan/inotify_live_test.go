package fdscan_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
)

// TestManyWatches checks the numbers from inotify_add_watch(2) beyond those that
// are the same in decimal and hexadecimal.
func TestManyWatches(t *testing.T) {
	fd := open(t, "inotify")(unix.InotifyInit1(unix.IN_CLOEXEC))
	dir := t.TempDir()
	want := map[int]uint64{}
	for i := range 40 {
		path := filepath.Join(dir, fmt.Sprint(i))
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
		wd, err := unix.InotifyAddWatch(fd, path, unix.IN_CREATE)
		if err != nil {
			t.Fatal(err)
		}
		var st unix.Stat_t
		if err := unix.Stat(path, &st); err != nil {
			t.Fatal(err)
		}
		want[wd] = st.Ino
	}
	snap := scanEvents(t)
	o, _ := behind(t, snap, os.Getpid(), fd)
	got := map[int]uint64{}
	for _, w := range o.Detail.(*model.InotifyDetail).Watches {
		got[w.WD.Or(-1)] = uint64(w.Ino)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("watches %v\nwant %v", got, want)
	}
	for _, g := range snap.Gaps {
		if g.Probe == "inotify" && g.PID == os.Getpid() {
			t.Errorf("gap %+v", g)
		}
	}
}
