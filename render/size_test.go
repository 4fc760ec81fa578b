package render

import (
	"testing"
	"time"

	"github.com/ipctop/ipctop/model"
)

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0", 812: "812", 1023: "1023", 1024: "1K", 1536: "1.5K", 65536: "64K", 65535: "64K", 1<<20 - 1: "1M", 1 << 20: "1M",
		3 << 19: "1.5M", 212992: "208K", 1 << 40: "1T", 1<<63 - 1: "8E", -1: "-1",
	} {
		if got := Size(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
	if got := OptSize(model.Opt[int64]{}); got != Unknown {
		t.Errorf("unknown is shown as %q", got)
	}
	if got := OptSize(model.Some(int64(0))); got != "0" {
		t.Errorf("a known zero is shown as %q", got)
	}
}

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0ns", 850 * time.Millisecond: "850ms", 41 * time.Second: "41s", 192 * time.Second: "3m12s", time.Hour: "1h",
		52 * time.Hour: "2d4h", 400 * 24 * time.Hour: "1y35d", -time.Minute: "-1m", 15 * time.Microsecond: "15us",
	} {
		if got := Duration(d); got != want {
			t.Errorf("%d: %s, want %s", d, got, want)
		}
	}
	now := time.Unix(1e9, 0)
	if got := Age(now, time.Time{}); got != Unknown {
		t.Errorf("never is %q", got)
	}
	if got := Age(now, now.Add(time.Second)); got != "0s" {
		t.Errorf("the future is %q", got)
	}
}

func TestKeysSort(t *testing.T) {
	for _, c := range []struct {
		a, b Key
		want int
	}{
		{IntKey(2), IntKey(10), -1}, {TextKey("pipe:9"), TextKey("pipe:10"), -1}, {Key{}, IntKey(0), 1}, {IntKey(5), Key{}, -1}, {Key{}, Key{}, 0},
	} {
		if got := c.a.Compare(c.b); got < 0 != (c.want < 0) || got > 0 != (c.want > 0) {
			t.Errorf("%+v and %+v: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
