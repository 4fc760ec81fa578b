package sockets

import (
	"reflect"
	"testing"

	"github.com/ipctop/ipctop/model"
)

// TestBaseOfNumbers gives every number in the kernel's texts a value that would
// be different, or invalid, in another base.
func TestBaseOfNumbers(t *testing.T) {
	some := func(n int64) model.Opt[int64] { return model.Some(n) }
	for name, c := range map[string]struct {
		parse func([]byte) (any, error)
		text  string
		want  any
	}{
		"socket": {as(parseSocketInfo), "ino:\t20\nscm_fds: 12\n", socketInfo{ino: 20, hasIno: true, fds: some(12)}},
		"/proc/net/unix": {
			as(parseUnixLine), "00000000: 00000010 00000010 00010000 0010 03    20 x",
			unixLine{kind: 16, listen: true, state: 3, ino: 20, address: []byte("x")},
		},
		"/proc/net/netlink": {
			as(parseNetlinkLine), "a 12  20 00000010 30 40 0 2 50 60 ",
			netlinkLine{protocol: 12, portID: 20, recv: 30, send: 40, drops: 50, ino: 60},
		},
		"/proc/net/packet": {
			as(parsePacketLine), "a 10 10 0010 20 1 30 40 50 ",
			packetLine{kind: 10, protocol: 16, iface: 20, running: 1, recv: 30, uid: 40, ino: 50},
		},
	} {
		got, err := c.parse([]byte(c.text))
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %+v, %v\nwant %+v", name, got, err, c.want)
		}
	}
	littleEndian(t)
	var s inetSock
	line := "  10: 0100007F:0010 0100007F:0020 01 00000010:00000020 01:00000010 00000010    20        0 30 1 0000000000000000 40"
	must(t, parseInetLine([]byte(line), false, false, &s))
	equal(t, "inet line", [7]uint64{
		uint64(s.local.port), uint64(s.remote.port), uint64(s.sendQueue), uint64(s.recvQueue), uint64(s.uid), s.ino, s.drops,
	}, [7]uint64{16, 32, 16, 32, 20, 30, 40})
	must(t, parseInetLine([]byte(line), false, true, &s))
	equal(t, "retransmits", s.retransmits, some(16))
}

func as[T any](parse func([]byte) (T, error)) func([]byte) (any, error) {
	return func(b []byte) (any, error) { return parse(b) }
}
