package probe

import (
	"bytes"
	"io"
	"os"
	"strconv"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// userFile has the users of the machine (passwd(5)). Users that only a server knows
// get no name: asking a server, as NSS does, may take for ever (nsswitch.conf(5)).
const userFile = "/etc/passwd"

// maxUserFile is how large the file may be.
const maxUserFile = 8 << 20

// userNames are the names of users. They are read again when the file has changed.
// Readers never wait for a reload.
type userNames struct {
	table atomic.Pointer[userTable]
}

type userTable struct {
	names   map[int]string
	ino     uint64
	size    int64
	changed unix.Timespec
}

// refresh reads the file if it has changed. If there is none, users have no names.
func (u *userNames) refresh(path string) {
	var st unix.Stat_t
	if unix.Stat(path, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		u.table.Store(new(userTable))
		return
	}
	if t := u.table.Load(); t != nil && t.ino == st.Ino && t.size == st.Size && t.changed == st.Ctim {
		return
	}
	f, err := os.Open(path)
	if err != nil {
		u.table.Store(new(userTable))
		return
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxUserFile))
	if err != nil {
		text = nil
	}
	u.table.Store(&userTable{parseUsers(text), st.Ino, st.Size, st.Ctim})
}

// name returns the name of a user id; "" if it has none.
func (u *userNames) name(uid int) string {
	if t := u.table.Load(); t != nil {
		return t.names[uid]
	}
	return ""
}

// parseUsers reads lines NAME:PASSWORD:UID:…; if several have the same id, the first counts.
func parseUsers(text []byte) map[int]string {
	names := map[int]string{}
	for line := range bytes.Lines(text) {
		name, rest, ok1 := bytes.Cut(line, []byte(":"))
		_, rest, ok2 := bytes.Cut(rest, []byte(":"))
		id, _, ok3 := bytes.Cut(rest, []byte(":"))
		uid, err := strconv.ParseUint(string(id), 10, 32)
		if !ok1 || !ok2 || !ok3 || err != nil || len(name) == 0 || bytes.ContainsAny(name[:1], "#+-") {
			continue // a comment, or an entry for NIS
		}
		if _, known := names[int(uid)]; !known {
			names[int(uid)] = string(name)
		}
	}
	return names
}
