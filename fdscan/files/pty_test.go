package files

import (
	"errors"
	"testing"

	"github.com/ipctop/ipctop/proc"
)

const masterText = "pos:\t0\nflags:\t02100002\nmnt_id:\t24\nino:\t91\ntty-index:\t12\n"

func FuzzParseMaster(f *testing.F) {
	f.Add([]byte(masterText))
	f.Fuzz(func(_ *testing.T, text []byte) {
		_, _ = parseTTYIndex(text)
		_, _ = parseMountID(text)
	})
}

func TestParseMaster(t *testing.T) {
	if n, err := parseTTYIndex([]byte(masterText)); err != nil || n.Or(-1) != 12 {
		t.Errorf("got %v, %v", n, err)
	}
	if n, err := parseTTYIndex([]byte("tty-index:\tx\n")); !errors.Is(err, proc.ErrMalformed) || n.Known() {
		t.Errorf("got %v, %v", n, err)
	}
	if id, ok := parseMountID([]byte(masterText)); !ok || id != 24 {
		t.Errorf("got %d, %v", id, ok)
	}
}

func TestBesidePtmx(t *testing.T) {
	root := proc.Mount{ID: 1, Point: "/", Root: "/", Type: "ext4"}
	dev := proc.Mount{ID: 24, Parent: 1, Point: "/dev", Root: "/", Type: "devtmpfs"}
	pts := proc.Mount{ID: 26, Parent: 24, Dev: proc.Dev(0, 26), Point: "/dev/pts", Root: "/", Type: "devpts"}
	over := proc.Mount{ID: 29, Parent: 26, Dev: proc.Dev(0, 29), Point: "/dev/pts", Root: "/", Type: "devpts"}
	part := pts
	part.Root = "/0"
	for name, c := range map[string]struct {
		mounts []proc.Mount
		id     uint64
		link   string
		want   uint64
	}{
		"usual":                        {[]proc.Mount{root, dev, pts}, 24, "/dev/ptmx", proc.Dev(0, 26)},
		"two on top of each other":     {[]proc.Mount{root, dev, pts, over}, 24, "/dev/ptmx", 0},
		"opened in another namespace":  {[]proc.Mount{root, dev, pts}, 99, "/dev/ptmx", 0},
		"not beside it":                {[]proc.Mount{root, dev, pts}, 24, "/dev/x/ptmx", 0},
		"beside it on another mount":   {[]proc.Mount{root, dev, pts}, 1, "/dev/ptmx", 0},
		"no devpts":                    {[]proc.Mount{root, dev}, 24, "/dev/ptmx", 0},
		"a part of a devpts":           {[]proc.Mount{root, dev, part}, 24, "/dev/ptmx", 0},
		"mounts could not be read":     {nil, 24, "/dev/ptmx", 0},
		"in a directory by that name ": {[]proc.Mount{root, dev, pts}, 24, "/ptmx", 0},
	} {
		if got := besidePtmx(c.mounts, c.id, c.link); got != c.want {
			t.Errorf("%s: got %s", name, proc.DevString(got))
		}
	}
}
