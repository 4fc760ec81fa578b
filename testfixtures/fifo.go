package testfixtures

import (
	"encoding/base64"
	"fmt"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// hostileName shows what a file name may contain: an escape sequence that sets a terminal's
// title, a line break, and a byte that is not UTF-8.
const hostileName = "fifo-\x1b]0;gotcha\x07\n-\xff-end"

func fifoFixtures() []Fixture {
	roles := map[string]func(*role) error{"w": writeRole, "r": holdRole}
	return []Fixture{{
		Name:  "fifo",
		Makes: "a named pipe with a writer, a reader and 500 bytes",
		explain: explanation{
			picture: "{1} → {path} (500 bytes) → {2}",
			calls: []string{
				"{1}: write(3, …, 500) = 500",
				"{2}: has the FIFO open for reading, descriptor 3",
			},
			proc: []procFile{
				{"/proc/{1}/fd/3", "{path}"},
				{"/proc/{2}/fd/3", "{path}"},
			},
		},
		make:  func(m *maker) (object, error) { return makeFIFO(m, "fifo", false) },
		roles: roles,
	}, {
		Name:  "fifo:deleted",
		short: "fifo-del",
		Makes: "a FIFO that is open although its name was removed",
		explain: explanation{
			picture: "{1} → FIFO without a name (500 bytes) → {2}",
			calls: []string{
				"ipctop: mkfifo(\"{path}\"), open(2) twice, unlink(\"{path}\")",
				"{1}: write(3, …, 500) = 500",
			},
			proc: []procFile{
				{"/proc/{1}/fd/3", "(deleted)"},
				{"/proc/{2}/fd/3", "(deleted)"},
			},
		},
		make:  func(m *maker) (object, error) { return makeFIFO(m, "fifo-deleted", true) },
		roles: roles,
	}, {
		Name:  "fifo:hostile",
		short: "fifo-hst",
		Makes: "a FIFO whose name has an escape sequence, a newline and invalid UTF-8",
		explain: explanation{
			picture: "{1} → FIFO with an escape sequence in its name → {2}",
			calls: []string{
				"ipctop: mkfifo(2) with the bytes ESC ] 0 ; … BEL, a newline and 0xff in the name",
				"{1}: write(3, …, 500) = 500",
			},
			proc: []procFile{
				{"/proc/{1}/fd/3", "gotcha"},
				{"/proc/{2}/fd/3", "gotcha"},
			},
		},
		make:  func(m *maker) (object, error) { return makeFIFO(m, hostileName, false) },
		roles: roles,
	}}
}

func makeFIFO(m *maker, name string, deleted bool) (object, error) {
	path, err := m.run.manifest.path(name)
	if err != nil {
		return object{}, err
	}
	if err := unix.Mkfifo(path, 0o600); err != nil {
		return object{}, fmt.Errorf("mkfifo %q: %w", path, err)
	}
	// Open them without blocking: the read end first.
	var fds [2]int
	for i, flags := range []int{unix.O_RDONLY | unix.O_NONBLOCK, unix.O_WRONLY} {
		if fds[i], err = unix.Open(path, flags|unix.O_CLOEXEC, 0); err != nil {
			return object{}, fmt.Errorf("open %q: %w", path, err)
		}
		m.own(fds[i])
	}
	if deleted {
		if err := unix.Unlink(path); err != nil {
			return object{}, fmt.Errorf("unlink %q: %w", path, err)
		}
	}
	detail, p, err := fillPipe(m, fds, 500)
	if err != nil {
		return object{}, err
	}
	var st unix.Statx_t
	if err := unix.Statx(fds[0], "", unix.AT_EMPTY_PATH, unix.STATX_BASIC_STATS, &st); err != nil {
		return object{}, fmt.Errorf("statx %q: %w", path, err)
	}
	dev, ino := fmt.Sprintf("%d:%d", st.Dev_major, st.Dev_minor), fmt.Sprint(st.Ino)
	expect := tree{
		"dev": dev, "ino": ino, "path": path, "uid": st.Uid, "gid": st.Gid, "mode": fmt.Sprintf("%04o", st.Mode&0o7777),
		"fill": ratio(detail), "detail": detail, "holders": []tree{p[0].fd(firstFD, "w"), p[1].fd(firstFD, "r")},
	}
	if !utf8.ValidString(path) {
		expect["path_b64"] = base64.StdEncoding.EncodeToString([]byte(path))
	}
	if deleted {
		expect["deleted"] = true
	}
	return object{"fifo:" + dev + ":" + ino, expect}, nil
}
