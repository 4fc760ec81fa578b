package sockets

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/probe"
)

func FuzzParseUnixDiag(f *testing.F) {
	for _, s := range []string{capturedUnixListener, capturedDgramA, capturedDgramB} {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var s unixSock
		if parseUnixDiag(b, &s) == nil {
			s.found(probe.NS{})
		}
	})
}

func FuzzParseInetDiag(f *testing.F) {
	for _, s := range []string{capturedTCPServer, capturedTCPListener, capturedUDPBound} {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var s inetSock
		if parseInetDiag(b, unix.IPPROTO_TCP, &s) == nil {
			(&inetTable{family: &tcpFamily}).object(&s)
			(&inetTable{family: &rawFamily}).object(&s)
		}
	})
}

func FuzzParseVsockDiag(f *testing.F) {
	f.Add(vsockMessage())
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := parseVsockDiag(b); err == nil {
			s.object(probe.NS{})
		}
	})
}

func FuzzNetlinkMessages(f *testing.F) {
	f.Add(netlinkDatagram(0, []byte("hello"), []byte("you")))
	f.Fuzz(func(t *testing.T, b []byte) {
		for m, err := range netlinkMessages(b) {
			if err == nil {
				_ = netlinkAttributes(m.payload, func(uint16, []byte) {})
				_ = netlinkStatus(m)
			}
		}
	})
}

func FuzzParseInetLine(f *testing.F) {
	for _, c := range inetLines {
		f.Add([]byte(c.line), c.v6, c.tcp)
	}
	f.Fuzz(func(t *testing.T, line []byte, v6, tcp bool) {
		var s inetSock
		if parseInetLine(line, v6, tcp, &s) == nil {
			(&inetTable{family: &udpFamily}).object(&s)
		}
	})
}

func FuzzParseUnixLine(f *testing.F) {
	for line := range unixLines {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = parseUnixLine(b)
		parseUnixTable(b)
	})
}

func FuzzParseNetlinkLine(f *testing.F) {
	f.Add([]byte("0000000076f60903 4   12847      00000011 768      0        0     2        5        2421027 "))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = parseNetlinkLine(b)
		_, _, _ = parseNetlinkDiag(b)
		readNetlink(b, nil, probe.NS{}, new(probe.Collector))
	})
}

func FuzzParsePacketLine(f *testing.F) {
	f.Add([]byte("00000000c8c0b5a6 3      3    0003   2     1 1280   1000   4711   "))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = parsePacketLine(b)
		readPacket(b, probe.NS{}, new(probe.Collector))
	})
}

func FuzzParseSocketInfo(f *testing.F) {
	f.Add([]byte("pos:\t0\nflags:\t02000002\nmnt_id:\t10\nino:\t2421022\nscm_fds: 3\n"))
	f.Fuzz(func(t *testing.T, b []byte) { _, _ = parseSocketInfo(b) })
}
