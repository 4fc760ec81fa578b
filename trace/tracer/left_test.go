//go:build linux

package tracer

import (
	"slices"
	"testing"
	"time"
)

const segments = `       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime      ctime                   rss                  swap
      1234    2228264   600                 12288  1339  1404      2     0     0     0     0 1795939228          0 1795939228                  4096                     0
-1773108374  -2147483648  1600 12288 0 0 2 0 0 0 0 0 0 12 0 0
 12 x 600 12288 1339 1404 2 0 0 0 0 1 0 1 0 0
 12
`

func TestParseSegments(t *testing.T) {
	want := []segment{{1234, 2228264, 1339, time.Unix(1795939228, 0)}, {0x9650836a, -2147483648, 0, time.Unix(12, 0)}}
	if got := parseSegments([]byte(segments)); !slices.Equal(got, want) {
		t.Errorf("%v, not %v", got, want)
	}
}

func FuzzParseSegments(f *testing.F) {
	f.Add([]byte(segments))
	f.Fuzz(func(t *testing.T, text []byte) { parseSegments(text) })
}
