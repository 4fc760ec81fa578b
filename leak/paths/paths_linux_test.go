package paths

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/leak"
	"github.com/ipctop/ipctop/model"
)

func TestNew(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	fifo := func(name string) {
		if err := unix.Mkfifo(at(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	fifo("old")
	fifo("made anew")
	before := List([]string{dir})
	// The new FIFO is made before the old one is removed, so that it cannot get the same inode.
	fifo("next")
	if err := os.Rename(at("next"), at("made anew")); err != nil {
		t.Fatal(err)
	}
	fifo("held")
	if err := os.WriteFile(at("file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: at("socket"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	got := map[string]leak.Leak{}
	for _, found := range New(before, List([]string{dir}), &leak.Command{UID: os.Getuid(), Held: map[string]bool{at("held"): true}}) {
		got[filepath.Base(found.Name)] = found
	}
	for name, want := range map[string]struct {
		kind       model.Kind
		confidence model.Confidence
	}{
		"made anew": {model.FIFO, model.Likely},
		"held":      {model.FIFO, model.Certain},
		"socket":    {model.Unix, model.Likely},
	} {
		if got[name].Kind != want.kind || got[name].Confidence != want.confidence {
			t.Errorf("%s: %+v, want %+v", name, got[name], want)
		}
	}
	if len(got) != 3 {
		t.Errorf("%+v", got)
	}
	for _, found := range New(before, List([]string{dir}), &leak.Command{UID: os.Getuid() + 1}) {
		if found.Confidence != model.Possible {
			t.Errorf("of another user: %+v", found)
		}
	}
}
