package sockets

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/proc"
)

func littleEndian(t testing.TB) {
	t.Helper()
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("the captured messages are little-endian")
	}
}

func TestParseUnixDiag(t *testing.T) {
	littleEndian(t)
	var s unixSock
	must(t, parseUnixDiag(unhex(t, capturedUnixListener), &s))
	got := fmt.Sprintf("%d %d %d %x %q %d %#x %d %d %d %d %d %v", s.kind, s.state, s.ino, s.cookie, s.name, s.vfsIno, s.vfsDev,
		s.recvQueue, s.sendQueue, s.mem.sendLimit, s.shutdown, s.uid, s.icons)
	want := `1 10 2421019 a9c3 "/tmp/s.sock\x00" 9978556 0xfe00000 1 2 212992 0 0 [28 241 36 0]`
	equal(t, "listener", got, want)
	o := s.found(probe.NS{}).object
	d := unixDetail(t, o)
	equal(t, "path", d.Path, "/tmp/s.sock")
	equal(t, "path_dev", d.PathDev, "254:0")
	equal(t, "path_ino", d.PathIno, 9978556)
	equal(t, "gen", o.Gen, "a9c3")

	must(t, parseUnixDiag(unhex(t, capturedDgramA), &s))
	equal(t, "peer", s.peer, 2421022)
	equal(t, "send memory", s.mem.send, 768)
	equal(t, "shutdown", s.shutdown, 2)
	equal(t, "icons", len(s.icons), 0) // nothing is left from the last message

	// A kernel that gives less leaves the rest unknown.
	must(t, parseUnixDiag(unhex(t, capturedDgramB)[:16], &s))
	o = s.found(probe.NS{}).object
	d = unixDetail(t, o)
	unknown(t, "recv_queue", d.RecvQueue)
	unknown(t, "send_queue", d.SendQueue)
	unknown(t, "uid", o.UID)
	unknown(t, "fill", o.Fill)

	for name, b := range map[string][]byte{
		"empty": nil, "short": unhex(t, capturedDgramA)[:15], "cut attribute": unhex(t, capturedDgramA)[:30],
		"other family": append([]byte{2}, unhex(t, capturedDgramA)[1:]...),
	} {
		if err := parseUnixDiag(b, &s); !errors.Is(err, proc.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestParseInetDiag(t *testing.T) {
	littleEndian(t)
	var s inetSock
	must(t, parseInetDiag(unhex(t, capturedTCPServer), unix.IPPROTO_TCP, &s))
	tcp := inetTable{family: &tcpFamily}
	o := tcp.object(&s)
	d := inetDetail(t, o)
	equal(t, "name", o.Name, "[::ffff:127.0.0.1]:48035->[::ffff:127.0.0.1]:49412")
	equal(t, "state", d.State, "ESTAB")
	known(t, "recv_queue", d.RecvQueue, 5)
	known(t, "last_recv_ns", d.LastRecv, 24e6)
	unknown(t, "last_send_ns", d.LastSend) // it has sent nothing
	known(t, "retransmits", d.Retransmits, 0)
	known(t, "recv_buffer", d.RecvBuffer, 131072)
	known(t, "fill", o.Fill, model.Ratio(837.0/131072))

	must(t, parseInetDiag(unhex(t, capturedTCPListener), unix.IPPROTO_TCP, &s))
	o = tcp.object(&s)
	d = inetDetail(t, o)
	equal(t, "local", d.Local, "*:48035")
	equal(t, "remote", d.Remote, "*:*")
	known(t, "backlog", d.Backlog, 0)
	known(t, "backlog_max", d.BacklogMax, 5)
	unknown(t, "retransmits", d.Retransmits)

	must(t, parseInetDiag(unhex(t, capturedUDPBound), unix.IPPROTO_UDP, &s))
	o = (&inetTable{family: &udpFamily}).object(&s)
	d = inetDetail(t, o)
	equal(t, "local", d.Local, "127.0.0.1:57731")
	equal(t, "remote", d.Remote, "0.0.0.0:*")
	known(t, "drops", d.Drops, 0)
	unknown(t, "last_recv_ns", d.LastRecv)

	for name, b := range map[string][]byte{"empty": nil, "short": unhex(t, capturedUDPBound)[:71], "cut attribute": unhex(t, capturedUDPBound)[:74]} {
		if err := parseInetDiag(b, unix.IPPROTO_UDP, &s); !errors.Is(err, proc.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

var inetLines = []struct {
	line    string
	v6, tcp bool
	want    string
}{
	{
		"   9: 0100007F:C104 0100007F:BBA3 01 00000002:00000005 00:00000000 00000003     7        0 2421024 2 00000000cd146c8f 20 0 0 11 -1                  ", false, true,
		"127.0.0.1:49412->127.0.0.1:48035 ESTAB recv 5 send 2 uid 7 ino 2421024",
	},
	{
		"   1: 0000000000000000FFFF00000100007F:BBA3 0000000000000000FFFF00000100007F:C104 01 00000000:00000005 00:00000000 00000000     0        0 2421025 1 0000000038264c67 20 4 30 10 -1", true, true,
		"[::ffff:127.0.0.1]:48035->[::ffff:127.0.0.1]:49412 ESTAB recv 5 send 0 uid 0 ino 2421025",
	},
	{
		"   0: 00000000000000000000000000000000:BBA3 00000000000000000000000000000000:0000 0A 00000000:00000001 00:00000000 00000000     0        0 2421023 1 00000000e2bae7ab 100 0 0 10 0", true, true,
		"*:48035->*:* LISTEN recv 1 send 0 uid 0 ino 2421023",
	},
	{
		"   6: 0100007F:D439 0100007F:BF84 08 00000000:00000001 02:000A8EB6 00000000   101        0 1378520 2 000000007eea12f5 20 4 24 12 -1", false, true,
		"127.0.0.1:54329->127.0.0.1:49028 CLOSE-WAIT recv 0 send 0 uid 101 ino 1378520",
	},
	{
		" 2377: 0100007F:E183 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 2421026 2 00000000966db245 12      ", false, false,
		"127.0.0.1:57731->0.0.0.0:* CLOSE recv 0 send 0 uid 0 ino 2421026 drops 12",
	},
	// before Linux 2.6.27 there was no column for drops
	{
		" 2377: 0100007F:E183 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 2421026 2 00000000966db245", false, false,
		"127.0.0.1:57731->0.0.0.0:* CLOSE recv 0 send 0 uid 0 ino 2421026",
	},
}

func TestParseInetLine(t *testing.T) {
	littleEndian(t)
	for _, c := range inetLines {
		var s inetSock
		if err := parseInetLine([]byte(c.line), c.v6, c.tcp, &s); err != nil {
			t.Errorf("%q: %v", c.line, err)
			continue
		}
		got := fmt.Sprintf("%s->%s %s recv %d send %d uid %d ino %d", s.local.append(nil, s.v6, false), s.remote.append(nil, s.v6, false),
			tcpStates[s.state], s.recvQueue, s.sendQueue, s.uid, s.ino)
		if s.hasDrops {
			got += fmt.Sprintf(" drops %d", s.drops)
		}
		equal(t, "socket", got, c.want)
	}
	// A listener's limit is missing there, and is not 0.
	var s inetSock
	must(t, parseInetLine([]byte(inetLines[2].line), true, true, &s))
	d := inetDetail(t, (&inetTable{family: &tcpFamily}).object(&s))
	known(t, "backlog", d.Backlog, 1)
	unknown(t, "backlog_max", d.BacklogMax)
	for _, bad := range []string{
		"", "x", "9: 0100007F:C104", "9: 0100007F:C1 0100007F:BBA3 01 0:0", "9: 0100007G:C104 0100007F:BBA3 01 0:0 0:0 0 0 0 1",
		"9: 0100007F:C104 0100007F:BBA3 1F 0:0 0:0 0 0 0 1", "9: 0100007F:C104 0100007F:BBA3 01 0 0:0 0 0 0 1", "9: 0100007F:C104 0100007F:BBA3 01 0:0 0:0 0 0 0 x",
	} {
		if err := parseInetLine([]byte(bad), false, true, &s); !errors.Is(err, proc.ErrMalformed) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

var unixLines = map[string]string{
	"00000000923118c3: 00000003 00000000 00000000 0001 03 1378341 /tmp/redis.sock": `1 false 3 1378341 "/tmp/redis.sock"`,
	"00000000ec8c4d1f: 00000003 00000000 00000000 0002 03 2421022":                 `2 false 3 2421022 ""`,
	"00000000ec8c4d1f: 00000002 00000000 00010000 0001 01  1061 @a b @":            `1 true 1 1061 "\x00a b @"`,
	"000000004d696aef: 00000003 00000000 00000000 0001 02     0  x":                `1 false 2 0 " x"`,
}

func TestParseUnixLine(t *testing.T) {
	for line, want := range unixLines {
		u, err := parseUnixLine([]byte(line))
		must(t, err)
		equal(t, "socket", fmt.Sprintf("%d %v %d %d %q", u.kind, u.listen, u.state, u.ino, u.address), want)
	}
	for _, bad := range []string{
		"", "rest of a name", "00000000: 00000001 00000002", "0: 00000003 00000000 00000000 0001 03 11111",
		"00000000: 00000003 00000000 00000000 0001 03     x", "00000000: 00000003 00000000 00000000 1 03 11111",
		"00000000: 00000003 00000000 00000000 0001 03 99999999999999999999999", "00000000: 00000003 00000000 00000000 0001 03 11",
	} {
		if _, err := parseUnixLine([]byte(bad)); !errors.Is(err, proc.ErrMalformed) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestUnixTable checks names with all bytes that they may contain.
func TestUnixTable(t *testing.T) {
	const row = "00000000: 00000003 00000000 00000000 0001 03    11"
	long := strings.Repeat("x", 50)
	text := "Num\n" + row + "\n" + row + " a\n" + row + "\nrest\n" + row + "\n" + row + " " + long + long + "\n" + row + "\n"
	var got []string
	for _, r := range parseUnixTable([]byte(text)) {
		got = append(got, fmt.Sprint(r.whole, r.inReach))
	}
	equal(t, "rows", fmt.Sprint(got), "[true false true false true true false true true true true false true false]")
}

func TestParseNetlinkLine(t *testing.T) {
	l, err := parseNetlinkLine([]byte("0000000076f60903 4   12847      00000011 768      0        0     2        5        2421027 "))
	must(t, err)
	equal(t, "line", l, netlinkLine{protocol: 4, portID: 12847, recv: 768, drops: 5, ino: 2421027})
	for _, bad := range []string{"", "0000000076f60903 4 12847", "0 4 -1 0 0 0 0 2 0 1"} {
		if _, err := parseNetlinkLine([]byte(bad)); !errors.Is(err, proc.ErrMalformed) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestParsePacketLine(t *testing.T) {
	l, err := parsePacketLine([]byte("00000000c8c0b5a6 3      3    0003   2     1 1280   1000   4711   "))
	must(t, err)
	equal(t, "line", l, packetLine{kind: 3, protocol: 3, iface: 2, running: 1, recv: 1280, uid: 1000, ino: 4711})
	if _, err := parsePacketLine([]byte("0 3 3")); !errors.Is(err, proc.ErrMalformed) {
		t.Errorf("%v", err)
	}
}

func vsockMessage() []byte {
	b := []byte{unix.AF_VSOCK, 1, 10, 3}
	for _, w := range []uint32{^uint32(0), 1024, ^uint32(0), ^uint32(0), 4711, 5, 0} {
		b = binary.NativeEndian.AppendUint32(b, w)
	}
	return b
}

func TestParseVsockDiag(t *testing.T) {
	s, err := parseVsockDiag(vsockMessage())
	must(t, err)
	o := s.object(probe.NS{})
	equal(t, "id", o.ID, "vsock:4711")
	equal(t, "gen", o.Gen, "5")
	equal(t, "detail", *o.Detail.(*model.VsockDetail),
		model.VsockDetail{State: "LISTEN", Type: "stream", Local: "*:1024", Remote: "*:*", Shutdown: "rw"})
	if _, err := parseVsockDiag(vsockMessage()[:31]); !errors.Is(err, proc.ErrMalformed) {
		t.Errorf("%v", err)
	}
}

func TestParseSocketInfo(t *testing.T) {
	i, err := parseSocketInfo([]byte("pos:\t0\nflags:\t02000002\nmnt_id:\t10\nino:\t2421022\nscm_fds: 3\n"))
	must(t, err)
	equal(t, "info", i, socketInfo{2421022, true, model.Some[int64](3)})
	i, err = parseSocketInfo([]byte("pos:\t0\n"))
	must(t, err)
	equal(t, "info", i, socketInfo{})
	if _, err = parseSocketInfo([]byte("ino:\tx\n")); !errors.Is(err, proc.ErrMalformed) {
		t.Errorf("%v", err)
	}
}

func netlinkDatagram(flags uint16, payloads ...[]byte) []byte {
	var b []byte
	ne := binary.NativeEndian
	for _, p := range payloads {
		b = ne.AppendUint32(b, uint32(16+len(p)))
		b = ne.AppendUint16(b, unix.SOCK_DIAG_BY_FAMILY)
		b = ne.AppendUint16(b, flags)
		b = ne.AppendUint32(b, 1)
		b = ne.AppendUint32(b, 0)
		b = append(b, p...)
		for len(b)%4 != 0 {
			b = append(b, 0)
		}
	}
	return b
}

func TestNetlinkMessages(t *testing.T) {
	var got [][]byte
	for m, err := range netlinkMessages(netlinkDatagram(unix.NLM_F_DUMP_INTR, []byte("hello"), []byte("you"))) {
		must(t, err)
		equal(t, "flags", m.flags, unix.NLM_F_DUMP_INTR)
		got = append(got, m.payload)
	}
	if !slices.EqualFunc(got, [][]byte{[]byte("hello"), []byte("you")}, bytes.Equal) {
		t.Errorf("messages %q", got)
	}
	for _, b := range [][]byte{{1}, netlinkDatagram(0, []byte("hello"))[:18], make([]byte, 16)} {
		bad := false
		for _, err := range netlinkMessages(b) {
			bad = errors.Is(err, proc.ErrMalformed)
		}
		if !bad {
			t.Errorf("%x was taken", b)
		}
	}
}

func TestNetlinkStatus(t *testing.T) {
	code := func(n int32) []byte { return binary.NativeEndian.AppendUint32(nil, uint32(n)) }
	equal(t, "done", netlinkStatus(netlinkMessage{kind: unix.NLMSG_DONE, payload: code(0)}), nil)
	equal(t, "no module", netlinkStatus(netlinkMessage{kind: unix.NLMSG_ERROR, payload: code(-2)}), error(errNoDiag))
	if err := netlinkStatus(netlinkMessage{kind: unix.NLMSG_DONE, payload: code(-12)}); !errors.Is(err, unix.ENOMEM) {
		t.Errorf("a dump that failed half way: %v", err)
	}
}
