package sockets

import (
	"bytes"
	"fmt"
	"sync"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/proc"
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
// The kernel prints @ for the NUL with which an abstract name begins, as for every
// other NUL in it; a path that begins with @ looks the same. The kernel gives columns a
// minimum width: a line with a shorter one is part of a name.
func parseUnixLine(line []byte) (unixLine, error) {
	var (
		u   unixLine
		err error
		c   = columns{line}
	)
	if num := c.next(); len(num) < 9 || num[len(num)-1] != ':' {
		return u, fmt.Errorf("%w: it begins with %q", proc.ErrMalformed, num[:min(len(num), 40)])
	}
	field := func(width int, what string) uint64 {
		before := len(c.rest)
		n := c.number(16, &err, what)
		if err == nil && before-len(c.rest) != width+1 {
			err = fmt.Errorf("%w: %s is not %d digits", proc.ErrMalformed, what, width)
		}
		return n
	}
	field(8, "reference count")
	field(8, "protocol")
	flags := field(8, "flags")
	u.kind = field(4, "type")
	u.state = field(2, "state")
	before := len(c.rest)
	u.ino = c.number(10, &err, "inode")
	if err == nil && before-len(c.rest) < 6 {
		err = fmt.Errorf("%w: the inode's column is too narrow", proc.ErrMalformed)
	}
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

// maxUnixName is how long a name can be (UNIX_PATH_MAX, linux/un.h).
const maxUnixName = 108

// unixRow is a line of the table. Any user can give a socket a name that contains a
// newline, and the kernel prints names unchanged: the text after the newline may look like
// the row of another socket.
type unixRow struct {
	unixLine
	whole    bool // it looks like a row
	inReach  bool // an earlier name may be long enough to contain it
	nameEnds bool // its name has the maximum length, so it does not continue in the next line
}

// parseUnixTable splits the table into its lines.
func parseUnixTable(text []byte) []unixRow {
	var rows []unixRow
	at := 0
	nameAt := -1 // where the last name began that may contain the following lines
	for line := range bytes.Lines(text) {
		start := at
		at += len(line)
		if start == 0 {
			continue // the heading
		}
		line = bytes.TrimSuffix(line, []byte("\n"))
		u, err := parseUnixLine(line)
		row := unixRow{unixLine: u, whole: err == nil}
		fixed := start + len(line) - len(u.address)
		row.inReach = nameAt >= 0 && fixed-nameAt <= maxUnixName
		row.nameEnds = len(u.address) >= maxUnixName
		if row.whole && len(u.address) > 0 {
			nameAt = fixed
		}
		rows = append(rows, row)
	}
	return rows
}

// unixTexts are the tables of a scan that were read as text. Which rows are genuine can
// only be decided when the holders of all sockets are known.
type unixTexts struct {
	mu     sync.Mutex
	scan   *probe.Scan
	tables []unixText
}

type unixText struct {
	ns   probe.NS
	rows []unixRow
}

func (t *unixTexts) add(ns probe.NS, rows []unixRow) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.scan != ns.Scan { // of a scan that was given up
		t.scan, t.tables = ns.Scan, nil
	}
	t.tables = append(t.tables, unixText{ns, rows})
}

// of reports whether there are tables of a scan.
func (t *unixTexts) of(s *probe.Scan) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.scan == s && len(t.tables) > 0
}

// describe makes objects of the rows that no name can have forged: rows that no name is
// long enough to contain, and the only row of a socket that a process of this namespace
// holds. A name counts only if a genuine row follows it. The rest is a gap.
func (t *unixTexts) describe(idx *probe.Index, out *probe.Collector) {
	t.mu.Lock()
	tables := t.tables
	if t.scan != idx.Scan {
		tables = nil
	}
	t.scan, t.tables = nil, nil
	t.mu.Unlock()
	count := map[uint64]int{}
	for i := range tables {
		for j := range tables[i].rows {
			if r := &tables[i].rows[j]; r.whole {
				count[r.ino]++
			}
		}
	}
	for i := range tables {
		doubtful := tables[i].describe(idx, count)
		if doubtful > 0 {
			out.Gap(model.Gap{
				Reason: model.Malformed, Op: "read table", Path: "/proc/net/unix", Count: doubtful,
				Detail: "rows that may be part of a socket's name, and names that may go on in them",
			})
		}
	}
}

// describe returns the number of rows and names that were not believed.
func (t *unixText) describe(idx *probe.Index, count map[uint64]int) (doubtful int) {
	believed := func(i int) bool {
		r := &t.rows[i]
		return r.whole && (!r.inReach || count[r.ino] == 1 && t.holds(idx, r.ino))
	}
	for i := range t.rows {
		r := &t.rows[i]
		if !believed(i) {
			doubtful++
			continue
		}
		if r.ino == 0 {
			continue // not accepted yet
		}
		if len(r.address) > 0 && !r.nameEnds && i+1 < len(t.rows) && !believed(i+1) {
			doubtful++
			r.address = nil
		}
		k := Key(r.ino)
		o := r.object(t.ns)
		if e, ok := idx.LookupUnclaimed(k); ok {
			idx.Describe(e, o)
		} else {
			idx.Add(k, o)
		}
	}
	return doubtful
}

// holds reports whether a process in the namespace holds the socket.
func (t *unixText) holds(idx *probe.Index, ino uint64) bool {
	e, ok := idx.LookupUnclaimed(Key(ino))
	if !ok {
		return false
	}
	for i := range e.Holders {
		p := idx.Processes[e.Holders[i].PID]
		if p != nil && (p.Namespaces["net"] == t.ns.Inode || p.Namespaces["net"] == 0) {
			return true
		}
	}
	return false
}

func (u *unixLine) object(ns probe.NS) *model.Object {
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
	return o
}
