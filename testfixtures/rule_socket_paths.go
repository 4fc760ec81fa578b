package testfixtures

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

const needsSteadyInodes = "a temporary directory on a file system whose stat tells its inodes: not overlay, as in a container (--tmpfs /tmp), not btrfs"

func socketPathFixtures() []Fixture {
	return []Fixture{{
		Name:  "stale-socket-path",
		short: "stale",
		Makes: "a socket file whose server has ended, next to one whose server still runs",
		explain: explanation{
			picture: "clients → a file that no socket is bound to",
			calls: []string{
				"a server: bind(2), listen(2), exit(2) without unlink(2)",
				"{1}: bind(2), listen(2) next to it, and lives",
			},
			proc: []procFile{
				{"/proc/{1}/net/unix", "stale-live"},
			},
		},
		Needs: needsSteadyInodes,
		make:  makeStaleSocket,
		roles: map[string]func(*role) error{"srv": unixListenRole, "old": ending(unixListenRole)},
	}, {
		Name:  "stale-socket-path:relative",
		short: "stale-r",
		Makes: "the same with servers that have bound the names in their working directory",
		explain: explanation{
			picture: "clients → a file that no socket is bound to",
			calls: []string{
				"a server: chdir(2), bind(2) of a relative name, listen(2), exit(2)",
				"{1}: the same next to it, and lives",
			},
			proc: []procFile{
				{"/proc/{1}/net/unix", "stale-r-live"},
			},
		},
		Needs: needsSteadyInodes,
		make:  makeStaleSocket,
		roles: map[string]func(*role) error{"srv": inDirectory(unixListenRole), "old": ending(inDirectory(unixListenRole))},
	}, {
		Name:  "stale-socket-path:control",
		short: "stale-i",
		Makes: "a listener and a datagram socket with paths",
		explain: explanation{
			picture: "clients → {1}; senders → {2}",
			calls: []string{
				"{1}: bind(2), listen(2)",
				"{2}: has a datagram socket with a path, descriptor 3",
			},
			proc: []procFile{
				{"/proc/{1}/net/unix", "stale-i-srv"},
				{"/proc/{2}/fd/3", "socket:["},
			},
			next: []string{"ipctop show {object}"},
		},
		make:  makeBoundSockets,
		roles: map[string]func(*role) error{"srv": unixListenRole, "dg": holdRole},
	}, {
		Name:  "unreachable-listener",
		short: "unre",
		Makes: "two servers that listen on the same path; the second one has removed the first one's file",
		explain: explanation{
			picture: "clients → path → {2}; nobody → {1}",
			calls: []string{
				"{1}: bind(2), listen(2)",
				"{2}: bind(2) of the same path after unlink(2), listen(2)",
			},
			proc: []procFile{
				{"/proc/{1}/net/unix", "unre-moved"},
				{"/proc/{1}/fd/3", "socket:[{id}]"},
			},
			next: []string{"ipctop check", "ipctop show {object}"},
		},
		Needs: needsSteadyInodes,
		make:  makeReplacedListener,
		roles: map[string]func(*role) error{"old": unixListenRole, "new": unixListenRole},
	}, {
		Name:  "unreachable-listener:relative",
		short: "unre-r",
		Makes: "the same with servers that have bound a name in their working directory",
		explain: explanation{
			picture: "clients → path → {2}; nobody → {1}",
			calls: []string{
				"{1}: chdir(2), bind(2) of a relative name, listen(2)",
				"{2}: the same after unlink(2)",
			},
			proc: []procFile{
				{"/proc/{1}/net/unix", "unre-r-moved"},
				{"/proc/{1}/fd/3", "socket:[{id}]"},
			},
			next: []string{"ipctop check", "ipctop show {object}"},
		},
		Needs: needsSteadyInodes,
		make:  makeReplacedListener,
		roles: map[string]func(*role) error{"old": inDirectory(unixListenRole), "new": inDirectory(unixListenRole)},
	}, {
		Name:  "unreachable-listener:control-relative",
		short: "unre-ri",
		Makes: "two servers that listen on names of their own in one working directory",
		explain: explanation{
			picture: "clients → {1}; clients → {2}",
			calls: []string{
				"{1}, {2}: chdir(2), bind(2) of relative names of their own, listen(2)",
			},
			proc: []procFile{
				{"/proc/{1}/net/unix", "unre-ri-one"},
				{"/proc/{2}/net/unix", "unre-ri-two"},
			},
			next: []string{"ipctop show {object}"},
		},
		make:  makeTwoListeners,
		roles: map[string]func(*role) error{"old": inDirectory(unixListenRole), "new": inDirectory(unixListenRole)},
	}, {
		Name:  "unreachable-listener:control",
		short: "unre-i",
		Makes: "two servers that listen on paths of their own",
		explain: explanation{
			picture: "clients → {1}; clients → {2}",
			calls: []string{
				"{1}, {2}: bind(2) of paths of their own, listen(2)",
			},
			proc: []procFile{
				{"/proc/{1}/net/unix", "unre-i-one"},
				{"/proc/{2}/net/unix", "unre-i-two"},
			},
			next: []string{"ipctop show {object}"},
		},
		make:  makeTwoListeners,
		roles: map[string]func(*role) error{"old": unixListenRole, "new": unixListenRole},
	}}
}

// inDirectory makes a role that changes to the directory of the path in its argument and
// uses only the name in it.
func inDirectory(play func(*role) error) func(*role) error {
	return func(r *role) error {
		if err := os.Chdir(filepath.Dir(r.args[0])); err != nil {
			return err
		}
		r.args[0] = filepath.Base(r.args[0])
		return play(r)
	}
}

// socketFile is the id of a socket file to which no socket is bound.
func socketFile(path string) (string, error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(path, &fs); err != nil {
		return "", fmt.Errorf("statfs %s: %w", path, err)
	}
	if t := uint32(fs.Type); t == unix.BTRFS_SUPER_MAGIC || t == unix.OVERLAYFS_SUPER_MAGIC {
		return "", &Unavailable{Reason: "needs " + needsSteadyInodes}
	}
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return "", fmt.Errorf("stat %s: %w", path, err)
	}
	return fmt.Sprintf("unix:%d:%d:%d", unix.Major(uint64(st.Dev)), unix.Minor(uint64(st.Dev)), st.Ino), nil
}

// listenAt starts a server that listens on a path in the run's directory.
func listenAt(m *maker, role, name string) (*process, unixSocket, string, error) {
	var s unixSocket
	path, err := socketPath(m, m.fixture.short+"-"+name)
	if err != nil {
		return nil, s, "", err
	}
	p, err := m.start(role, &s, part{args: []string{path}})
	return p, s, path, err
}

func makeStaleSocket(m *maker) (object, error) {
	if _, _, _, err := listenAt(m, "srv", "live"); err != nil {
		return object{}, err
	}
	old, _, path, err := listenAt(m, "old", "stale")
	if err != nil {
		return object{}, err
	}
	old.wait(time.Now().Add(readyWithin))
	time.Sleep(20 * time.Millisecond) // otherwise a scan that has just begun may take the file for one bound meanwhile
	id, err := socketFile(path)
	m.expectFinding(Diagnosis{Objects: []string{id}, Severity: "info"})
	return aboutObject(id), err
}

func makeBoundSockets(m *maker) (object, error) {
	_, s, path, err := listenAt(m, "srv", "srv")
	if err != nil {
		return object{}, err
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return object{}, fmt.Errorf("socket: %w", err)
	}
	m.own(fd)
	datagrams, err := socketPath(m, "dg")
	if err != nil {
		return object{}, err
	}
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: datagrams}); err != nil {
		return object{}, fmt.Errorf("bind %s: %w", datagrams, err)
	}
	if _, err := m.start("dg", nil, part{fds: []int{fd}}); err != nil {
		return object{}, err
	}
	for _, p := range []string{path, datagrams} {
		id, err := socketFile(p)
		if err != nil {
			return object{}, err
		}
		m.controlObjects = append(m.controlObjects, id)
	}
	return aboutObject("unix:" + s.Ino), nil
}

func makeReplacedListener(m *maker) (object, error) {
	old, first, path, err := listenAt(m, "old", "moved")
	if err != nil {
		return object{}, err
	}
	if _, err := socketFile(path); err != nil {
		return object{}, err
	}
	if err := unix.Unlink(path); err != nil {
		return object{}, fmt.Errorf("unlink %s: %w", path, err)
	}
	// The path is already in the manifest.
	var second unixSocket
	young, err := m.start("new", &second, part{args: []string{path}})
	m.expectFinding(Diagnosis{
		Root: old.pid, PIDs: []int{young.pid}, Objects: []string{"unix:" + first.Ino, "unix:" + second.Ino}, Severity: "warning", Confidence: "certain",
	})
	return aboutObject("unix:" + first.Ino), err
}

func makeTwoListeners(m *maker) (object, error) {
	_, first, _, err := listenAt(m, "old", "one")
	if err != nil {
		return object{}, err
	}
	_, second, _, err := listenAt(m, "new", "two")
	m.controlObjects = []string{"unix:" + second.Ino}
	return aboutObject("unix:" + first.Ino), err
}
