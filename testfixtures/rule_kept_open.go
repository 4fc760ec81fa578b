package testfixtures

import (
	"encoding/binary"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

func keptOpenFixtures() []Fixture {
	roles := func(ends bool) map[string]func(*role) error {
		return map[string]func(*role) error{
			"top": readerParentRole, "keep": keepOutputRole,
			"rd":  func(r *role) error { return readCommandRole(r, ends) },
			"cmd": func(r *role) error { return startKeeperRole(r, ends) },
		}
	}
	return []Fixture{{
		Name:  "kept-open",
		short: "kept",
		Makes: "a process that reads the output of a command that has ended; a background process of the command keeps the pipe open",
		explain: explanation{
			picture: "{3} (in the background) → pipe → {2}",
			calls: []string{
				"a command: started {3} and ended",
				"{2}: read(3) and does not return: no end of file while {3} has the pipe as its standard output",
			},
			proc: []procFile{
				{"/proc/{3}/fd/1", "pipe:[{id}]"},
				{"/proc/{2}/syscall", ""},
			},
		},
		make:  makeKept,
		roles: roles(true),
	}, {
		Name:  "kept-open:control",
		short: "kept-i",
		Makes: "a process that reads the output of a command that still runs",
		explain: explanation{
			picture: "a command that runs, and {3} → pipe → {2}",
			calls: []string{
				"{2}: read(3) and does not return",
				"{3}: has the pipe as its standard output",
			},
			proc: []procFile{
				{"/proc/{3}/fd/1", "pipe:[{id}]"},
				{"/proc/{2}/syscall", ""},
			},
			next: []string{"ipctop why {2}"},
		},
		make:  makeKept,
		roles: roles(false),
	}}
}

// keptReport is what the reader of a command's output reports.
type keptReport struct {
	Reader, Keeper int
	Ino            string
}

func makeKept(m *maker) (object, error) {
	var k keptReport
	if _, err := m.start("top", &k, part{}); err != nil {
		return object{}, err
	}
	m.children = []int{k.Reader, k.Keeper}
	m.expectFinding(Diagnosis{Root: k.Keeper, Victims: []int{k.Reader}, Objects: []string{"pipe:" + k.Ino}, Severity: "warning"})
	return aboutObject("pipe:" + k.Ino), m.blocked(&process{pid: k.Reader})
}

// readerParentRole starts the reader in a process group of its own, as a shell does, and
// becomes the parent of the processes that the reader's command leaves behind.
func readerParentRole(r *role) error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return os.NewSyscallError("prctl PR_SET_CHILD_SUBREAPER", err)
	}
	if _, err := r.child("rd", &syscall.SysProcAttr{Setpgid: true}); err != nil {
		return err
	}
	r.children = append(r.children, -1) // the child that the command leaves
	r.hold()
	return nil
}

// readCommandRole starts a command and reads its output.
func readCommandRole(r *role, ends bool) error {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return fmt.Errorf("pipe: %w", err)
	}
	command, err := r.child("cmd", nil, fds[1])
	if err != nil {
		return err
	}
	_ = unix.Close(fds[1])
	var pid [4]byte
	if _, err := unix.Read(fds[0], pid[:]); err != nil {
		return os.NewSyscallError("read", err)
	}
	if ends {
		collect(command)
		r.children = nil
	}
	ino, err := inode(fds[0])
	if err != nil {
		return err
	}
	if err := r.ready(keptReport{os.Getpid(), int(binary.NativeEndian.Uint32(pid[:])), ino}); err != nil {
		return err
	}
	go r.hold()
	n, err := unix.Read(fds[0], pid[:])
	if n == 0 && err == nil {
		select {} // the run has ended: hold ends the command, and then this process
	}
	return fmt.Errorf("the wait is over: read %d, %w", n, err)
}

// startKeeperRole is a command that starts another process, and then ends or goes on.
func startKeeperRole(r *role, ends bool) error {
	if _, err := r.child("keep", nil, firstFD); err != nil {
		return err
	}
	if ends {
		unix.Exit(0)
	}
	r.hold()
	return nil
}

// keepOutputRole makes the descriptor that it inherited its standard output, and writes its pid there.
func keepOutputRole(r *role) error {
	if err := unix.Dup3(firstFD, 1, 0); err != nil {
		return err
	}
	_ = unix.Close(firstFD)
	if _, err := unix.Write(1, binary.NativeEndian.AppendUint32(nil, uint32(os.Getpid()))); err != nil {
		return os.NewSyscallError("write", err)
	}
	r.hold()
	return nil
}
