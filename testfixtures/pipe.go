package testfixtures

import (
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"
)

func pipeFixtures() []Fixture {
	roles := map[string]func(*role) error{"w": writeRole, "r": holdRole}
	return []Fixture{{
		Name:  "pipe",
		Makes: "a writer and a reader with 1000 bytes between them",
		explain: explanation{
			picture: "{1} → pipe (1000 bytes) → {2}",
			calls: []string{
				"{1}: write(3, …, 1000) = 1000",
				"{2}: has the read end, descriptor 3, and does not read",
			},
			proc: []procFile{
				{"/proc/{1}/fd/3", "pipe:[{id}]"},
				{"/proc/{2}/fd/3", "pipe:[{id}]"},
			},
		},
		make:  func(m *maker) (object, error) { return makePipe(m, 1000) },
		roles: roles,
	}, {
		Name:  "pipe:full",
		Makes: "a pipe that is completely full",
		explain: explanation{
			picture: "{1} → pipe FULL → {2}",
			calls: []string{
				"{1}: write(3, …) until the pipe is full",
				"{2}: has the read end, descriptor 3, and does not read",
			},
			proc: []procFile{
				{"/proc/{1}/fd/3", "pipe:[{id}]"},
				{"/proc/{2}/fd/3", "pipe:[{id}]"},
			},
		},
		make:  func(m *maker) (object, error) { return makePipe(m, -1) },
		roles: roles,
	}}
}

// makePipe makes a pipe with bytes queued in it; -1 fills it.
func makePipe(m *maker, bytes int) (object, error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return object{}, fmt.Errorf("pipe: %w", err)
	}
	m.own(fds[:]...)
	detail, p, err := fillPipe(m, fds, bytes)
	if err != nil {
		return object{}, err
	}
	ino, err := inode(fds[0])
	return object{"pipe:" + ino, tree{
		"ino": ino, "fill": ratio(detail), "detail": detail, "holders": []tree{p[0].fd(firstFD, "w"), p[1].fd(firstFD, "r")},
	}}, err
}

// fillPipe passes the ends of a pipe or FIFO (read, write) to a writer and a reader, and
// describes its contents then.
func fillPipe(m *maker, fds [2]int, bytes int) (tree, [2]*process, error) {
	var p [2]*process
	// A capacity other than the default. A user who has many pipes already may not change it.
	if _, err := unix.FcntlInt(uintptr(fds[1]), unix.F_SETPIPE_SZ, 16<<10); err != nil && err != unix.EPERM {
		return nil, p, fmt.Errorf("fcntl F_SETPIPE_SZ: %w", err)
	}
	capacity, err := unix.FcntlInt(uintptr(fds[1]), unix.F_GETPIPE_SZ, 0)
	if err != nil {
		return nil, p, fmt.Errorf("fcntl F_GETPIPE_SZ: %w", err)
	}
	if bytes < 0 {
		bytes = capacity
	}
	if p[0], err = m.start("w", nil, part{fds: fds[1:], args: []string{strconv.Itoa(bytes)}}); err != nil {
		return nil, p, err
	}
	if p[1], err = m.start("r", nil, part{fds: fds[:1]}); err != nil {
		return nil, p, err
	}
	n, err := queued(fds[0])
	return tree{"queued": n, "capacity": capacity}, p, err
}

// ratio is how full a pipe is, rounded to four decimals as in a dump.
func ratio(detail tree) float64 {
	return float64(int64(float64(detail["queued"].(int))/float64(detail["capacity"].(int))*10000+0.5)) / 10000
}

// writeRole writes as many bytes into its descriptor as its argument says.
func writeRole(r *role) error {
	n, err := strconv.Atoi(r.args[0])
	if err != nil {
		return err
	}
	if err := write(firstFD, n); err != nil {
		return err
	}
	return r.readyAndHold(nil)
}

// write writes n bytes.
func write(fd, n int) error {
	for b := make([]byte, n); len(b) > 0; {
		k, err := unix.Write(fd, b)
		if err != nil && err != unix.EINTR {
			return fmt.Errorf("write: %w", err)
		}
		b = b[max(k, 0):]
	}
	return nil
}
