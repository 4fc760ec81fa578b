package testfixtures

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

func smallPipeFixtures() []Fixture {
	const needs = "root, to become a user of its own"
	return []Fixture{{
		Name:  "small-pipe",
		short: "spipe",
		Makes: "a user whose pipes have reached the limit on pages, so that the next pipe is small",
		explain: explanation{
			picture: "{1} has pipes of all pages that its user may have; the next is small",
			calls: []string{
				"{1}: pipe2(2) and fcntl(F_SETPIPE_SZ) up to fs.pipe-user-pages-soft, then pipe2(2)",
			},
			proc: []procFile{
				{"/proc/sys/fs/pipe-user-pages-soft", ""},
				{"/proc/{1}/fd/3", "pipe:["},
			},
			next: []string{"ipctop check", "ipctop show {object}"},
		},
		Needs: needs,
		make:  func(m *maker) (object, error) { return makeSmallPipe(m, true) },
		roles: map[string]func(*role) error{"h": smallPipeRole},
	}, {
		Name:  "small-pipe:control",
		short: "spipe-i",
		Makes: "a user with few pipes, one of which was made small on purpose",
		explain: explanation{
			picture: "{1} has one pipe, small on purpose",
			calls: []string{
				"{1}: pipe2(2), fcntl(F_SETPIPE_SZ, 4096)",
			},
			proc: []procFile{
				{"/proc/{1}/fd/3", "pipe:[{id}]"},
			},
			next: []string{"ipctop show {object}"},
		},
		Needs: needs,
		make:  func(m *maker) (object, error) { return makeSmallPipe(m, false) },
		roles: map[string]func(*role) error{"h": smallPipeRole},
	}}
}

// someUser is a user id that nobody has, not even another run.
func someUser() int { return 1<<30 + int(rand.Uint32N(1<<30)) }

func makeSmallPipe(m *maker, many bool) (object, error) {
	text, err := os.ReadFile("/proc/sys/fs/pipe-user-pages-soft")
	if err != nil {
		return object{}, err
	}
	var pages int
	if _, err := fmt.Sscan(string(text), &pages); err != nil {
		return object{}, fmt.Errorf("/proc/sys/fs/pipe-user-pages-soft: %w", err)
	}
	if pages == 0 || pages > 1<<16 {
		return object{}, &Unavailable{Reason: "needs a usual limit on pipes (fs.pipe-user-pages-soft)"}
	}
	if !many {
		pages = 0
	}
	var ino string
	p, err := m.start("h", &ino, part{args: []string{strconv.Itoa(someUser()), strconv.Itoa(pages)}})
	if err != nil {
		return object{}, err
	}
	m.expectFinding(Diagnosis{Objects: []string{"pipe:" + ino}, Victims: []int{p.pid}})
	return aboutObject("pipe:" + ino), nil
}

// smallPipeRole becomes a user, makes pipes that take the given number of pages, and makes
// one more pipe. With 0 pages it shrinks that pipe itself.
func smallPipeRole(r *role) error {
	uid, err := strconv.Atoi(r.args[0])
	if err != nil {
		return err
	}
	pages, err := strconv.Atoi(r.args[1])
	if err != nil {
		return err
	}
	if err := unix.Setresuid(uid, uid, uid); err != nil {
		return needing("root", os.NewSyscallError("setresuid", err))
	}
	var p [2]int
	for left := pages; left > 0; {
		if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
			return os.NewSyscallError("pipe2", err)
		}
		size := min(left, 256) * os.Getpagesize() // a megabyte, which any user may request
		if left > 16 {
			if size, err = unix.FcntlInt(uintptr(p[1]), unix.F_SETPIPE_SZ, size); err != nil {
				return os.NewSyscallError("fcntl F_SETPIPE_SZ", err)
			}
		}
		left -= size / os.Getpagesize()
	}
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		return os.NewSyscallError("pipe2", err)
	}
	if pages == 0 {
		if _, err := unix.FcntlInt(uintptr(p[1]), unix.F_SETPIPE_SZ, os.Getpagesize()); err != nil {
			return os.NewSyscallError("fcntl F_SETPIPE_SZ", err)
		}
	}
	size, err := unix.FcntlInt(uintptr(p[1]), unix.F_GETPIPE_SZ, 0)
	if err != nil {
		return os.NewSyscallError("fcntl F_GETPIPE_SZ", err)
	}
	if size > 2*os.Getpagesize() {
		return &Unavailable{Reason: fmt.Sprintf("this user's pipes are not bounded: it got one of %d bytes", size)}
	}
	ino, err := inode(p[0])
	if err != nil {
		return err
	}
	return r.readyAndHold(ino)
}
