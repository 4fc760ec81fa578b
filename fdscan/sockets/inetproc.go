package sockets

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/proc"
)

// parseInetLine parses a line of /proc/net/{tcp,udp,raw,icmp} and of their
// counterparts with a 6 at the end (proc_pid_net(5)):
//
//	sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
//	 0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 254980 1 00000000 …
//
// Addresses are words in the machine's byte order. tcp has other things than
// the drops at the end.
func parseInetLine(line []byte, v6, tcp bool, s *inetSock) error {
	*s = inetSock{v6: v6}
	c := columns{line}
	if slot := c.next(); len(slot) < 2 || slot[len(slot)-1] != ':' {
		return fmt.Errorf("%w: it begins with %q", proc.ErrMalformed, slot[:min(len(slot), 40)])
	}
	if err := s.local.parse(c.next(), v6); err != nil {
		return err
	}
	if err := s.remote.parse(c.next(), v6); err != nil {
		return err
	}
	var err error
	state := c.number(16, &err, "state")
	queues := c.next()
	tx, rx, ok := bytes.Cut(queues, []byte(":"))
	send, ok1 := parseNumber(tx, 16)
	recv, ok2 := parseNumber(rx, 16)
	if err == nil && (!ok || !ok1 || !ok2 || send > 1<<32-1 || recv > 1<<32-1 || state > 15) {
		err = fmt.Errorf("%w: state %d, queues %q", proc.ErrMalformed, state, queues)
	}
	c.next() // timer
	retransmits := c.number(16, &err, "retransmissions")
	uid := c.number(10, &err, "uid")
	c.next() // timeout
	s.ino = c.number(10, &err, "inode")
	if err != nil {
		return err
	}
	s.state, s.sendQueue, s.recvQueue, s.uid = uint8(state), uint32(send), uint32(recv), uint32(uid)
	if tcp {
		s.discountFlags()
		s.halfQueues = s.state == tcpListen
		if s.state != tcpListen && s.state != tcpClose {
			s.retransmits = model.Some(int64(retransmits))
		}
		return nil
	}
	c.next() // reference count
	c.next() // address in the kernel
	if drops := c.next(); drops != nil {
		if s.drops, s.hasDrops = parseNumber(drops, 10); !s.hasDrops {
			return fmt.Errorf("%w: drops is %q", proc.ErrMalformed, drops)
		}
	}
	return nil
}

// parse reads ADDRESS:PORT in hexadecimal.
func (e *endpoint) parse(b []byte, v6 bool) error {
	words := 1
	if v6 {
		words = 4
	}
	if len(b) != 8*words+5 || b[8*words] != ':' {
		return fmt.Errorf("%w: address %q", proc.ErrMalformed, b)
	}
	port, ok := parseNumber(b[8*words+1:], 16)
	var addr [16]byte
	for i := range words {
		w, ok2 := parseNumber(b[8*i:8*i+8], 16)
		ok = ok && ok2
		binary.NativeEndian.PutUint32(addr[4*i:], uint32(w))
	}
	if !ok {
		return fmt.Errorf("%w: address %q", proc.ErrMalformed, b)
	}
	e.port = uint16(port)
	if v6 {
		e.addr = addr
	} else {
		e.setV4([4]byte(addr[:4]))
	}
	return nil
}
