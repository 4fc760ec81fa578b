package fdscan

import (
	"bytes"
	"fmt"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

// unixLine is a line of /proc/net/unix.
type unixLine struct {
	kind    uint64
	listen  bool
	state   uint64 // enum socket_state of linux/net.h
	ino     uint64
	address []byte // as unix_diag gives it: an abstract one begins with a NUL
}

// parseUnixLine parses a line of /proc/net/unix (unix(7)):
//
//	Num       RefCount Protocol Flags    Type St Inode Path
//	00000000: 00000002 00000000 00010000 0001 01 17045 @abstract
//
// The kernel prints @ for the NUL an abstract name begins with, as for every
// other NUL in it; a path that begins with @ looks the same.
func parseUnixLine(line []byte) (unixLine, error) {
	var (
		u   unixLine
		err error
		c   = columns{line}
	)
	if num := c.next(); len(num) < 2 || num[len(num)-1] != ':' {
		return u, fmt.Errorf("%w: it begins with %q", probe.ErrMalformed, num[:min(len(num), 40)])
	}
	c.number(16, &err, "reference count")
	c.number(16, &err, "protocol")
	flags := c.number(16, &err, "flags")
	u.kind = c.number(16, &err, "type")
	u.state = c.number(16, &err, "state")
	u.ino = c.number(10, &err, "inode")
	const acceptConn = 1 << 16 // __SO_ACCEPTCON
	u.listen = flags&acceptConn != 0
	if path, ok := bytes.CutPrefix(c.rest, []byte(" ")); ok && len(path) > 0 {
		u.address = path
		if path[0] == '@' {
			u.address = append([]byte{0}, path[1:]...)
		}
	}
	return u, err
}

// readUnixProc makes objects of /proc/net/unix. A name with a newline in it
// breaks its line in two; the second part becomes a gap.
func readUnixProc(text []byte, ns probe.NS, out *probe.Collector) []unixFound {
	var found []unixFound
	eachLine(text, out, "unix", func(line []byte) error {
		u, err := parseUnixLine(line)
		if err != nil {
			return err
		}
		if u.ino == 0 {
			return nil // not accepted yet
		}
		d := &model.UnixDetail{Type: socketTypes[u.kind]}
		switch {
		case u.listen:
			d.State = "listen"
		case u.state == 1: // SS_UNCONNECTED
			d.State = "close"
		case u.state == 3: // SS_CONNECTED
			d.State = "established"
		}
		o := &model.Object{ID: ns.ID(model.Unix, u.ino), Kind: model.Unix, Ino: model.Big(u.ino), Namespace: ns.Model(), Detail: d}
		nameUnix(o, d, u.address)
		found = append(found, unixFound{object: o})
		return nil
	})
	return found
}
