package filelock

import (
	"bytes"
	"fmt"
	"strconv"

	"github.com/ipctop/ipctop/proc"
)

// class decides which locks can conflict: flock and fcntl locks do not see each
// other.
type class uint8

const (
	posix class = iota
	ofd
	flock
	lease
)

// String is the type as [model.Lock] has it.
func (c class) String() string { return [...]string{"posix", "ofd", "flock", "lease"}[c] }

// eof is the end of a lock that reaches to the end of the file.
const eof = 1<<63 - 1

// record is a line of /proc/locks.
type record struct {
	number     uint64 // the same in the lines of its waiters
	class      class
	mode       string // READ, WRITE, UNLCK
	waiting    bool   // it comes after "->"
	breaking   bool
	pid        int // -1: the kernel does not tell
	dev        uint64
	ino        uint64
	start, end int64
}

// parseLocks reads /proc/locks (fs/locks.c, lock_get_status; proc_locks(5)):
//
//	1: POSIX  ADVISORY  WRITE 4121 fe:00:9977956 0 EOF
//	1: -> POSIX  ADVISORY  WRITE 4188 fe:00:9977956 0 EOF
//
// The second waits for the first, as its number says. Lines that wait for a waiting
// line are indented further. A process that waits for the end of a lease has not
// opened the file yet; its line names no inode, and gets the one of the lease.
// A malformed line is left out, and its error is in bad.
func parseLocks(text []byte) (list []record, bad []error) {
	var top record
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			continue
		}
		r, err := parseLock(line)
		if err != nil {
			bad = append(bad, err)
			continue
		}
		switch {
		case !r.waiting:
			top = r
		case r.ino == 0 && r.number == top.number:
			r.dev, r.ino = top.dev, top.ino
		}
		if r.ino != 0 {
			list = append(list, r)
		}
	}
	return list, bad
}

// parseInfoLocks reads the "lock:" lines of /proc/PID/fdinfo/N
// (proc_pid_fdinfo(5)), which are like those of /proc/locks.
func parseInfoLocks(text []byte) (list []record, bad []error) {
	for line := range bytes.Lines(text) {
		rest, ok := bytes.CutPrefix(line, []byte("lock:"))
		if !ok {
			continue
		}
		r, err := parseLock(bytes.TrimSpace(rest))
		if err != nil {
			bad = append(bad, err)
			continue
		}
		list = append(list, r)
	}
	return list, bad
}

func parseLock(line []byte) (record, error) {
	var r record
	bad := func(what string) (record, error) {
		return record{}, fmt.Errorf("locks: %w: %s in %q", proc.ErrMalformed, what, line[:min(len(line), 120)])
	}
	f := bytes.Fields(line)
	if len(f) < 2 {
		return bad("no number")
	}
	digits, ok := bytes.CutSuffix(f[0], []byte(":"))
	number, err := strconv.ParseUint(string(digits), 10, 64)
	if !ok || err != nil {
		return bad("no number")
	}
	r.number, f = number, f[1:]
	if string(f[0]) == "->" {
		r.waiting, f = true, f[1:]
	}
	if len(f) < 6 {
		return bad("too few fields")
	}
	switch string(f[0]) {
	case "POSIX", "ACCESS": // ACCESS: of a mandatory lock's reader, before Linux 5.15
		r.class = posix
	case "OFDLCK":
		r.class = ofd
	case "FLOCK":
		r.class = flock
	case "LEASE", "DELEG":
		r.class = lease
	default:
		return bad("unknown type")
	}
	switch string(f[1]) {
	case "BREAKING":
		r.breaking = true
	case "BREAKER":
		r.waiting = true
	}
	switch mode := string(f[2]); mode {
	case "READ", "WRITE", "UNLCK":
		r.mode = mode
	case "NONE", "RW": // LOCK_MAND of flock(2), before Linux 5.18; it never stopped anyone
		r.mode = "UNLCK"
	default:
		return bad("unknown mode")
	}
	pid, err := strconv.ParseInt(string(f[3]), 10, 32)
	if err != nil {
		return bad("bad pid")
	}
	if r.pid = int(pid); pid <= 0 { // -1: of a description; others: held by another host
		r.pid = -1
	}
	if string(f[4]) != "<none>:0" { // with <none> the inode stays 0
		if r.dev, r.ino, err = parseInode(f[4]); err != nil {
			return bad("bad inode")
		}
	}
	if len(f) < 7 {
		return bad("no range")
	}
	if r.start, err = strconv.ParseInt(string(f[5]), 10, 64); err != nil || r.start < 0 {
		return bad("bad start")
	}
	if string(f[6]) == "EOF" {
		r.end = eof
		return r, nil
	}
	if r.end, err = strconv.ParseInt(string(f[6]), 10, 64); err != nil || r.end < r.start {
		return bad("bad end")
	}
	return r, nil
}

// parseInode reads major:minor:inode, the former two hexadecimal.
func parseInode(b []byte) (dev, ino uint64, err error) {
	f := bytes.Split(b, []byte(":"))
	if len(f) != 3 {
		return 0, 0, proc.ErrMalformed
	}
	major, err1 := strconv.ParseUint(string(f[0]), 16, 32)
	minor, err2 := strconv.ParseUint(string(f[1]), 16, 32)
	ino, err3 := strconv.ParseUint(string(f[2]), 10, 64)
	if err1 != nil || err2 != nil || err3 != nil || ino == 0 {
		return 0, 0, proc.ErrMalformed
	}
	return proc.Dev(uint32(major), uint32(minor)), ino, nil
}

// same reports whether two lines are about the same lock, or about locks that the
// text cannot distinguish.
func (r *record) same(o *record) bool { return r.text() == o.text() }

// text returns what the line tells of the lock itself.
func (r *record) text() record {
	key := *r
	key.number, key.breaking = 0, false
	return key
}

// conflicts reports whether the lock held conflicts with r. The kernel names one
// such lock for each waiter; all of them must go.
//
// A process's own POSIX locks never conflict. The text does not tell whether two
// OFD locks belong to one description, so a waiter that upgrades an OFD lock seems
// to conflict with itself as well.
func (r *record) conflicts(held *record) bool {
	if r.class == lease || held.class == lease {
		return r.class == held.class
	}
	if r.class == flock || held.class == flock {
		if r.class != held.class {
			return false
		}
	} else {
		if r.class == posix && held.class == posix && r.pid == held.pid && r.pid > 0 {
			return false
		}
		if r.start > held.end || held.start > r.end {
			return false
		}
	}
	return r.mode == "WRITE" || held.mode == "WRITE"
}
