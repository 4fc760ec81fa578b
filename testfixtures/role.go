package testfixtures

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/privilege"
)

// roleEnv makes a process of this binary a holder. Its value is the number of descriptors
// that the role uses. The arguments are the fixture, the role, and the arguments of the role.
const roleEnv = "IPCTOP_FIXTURE_ROLE"

// Descriptors that are open in a holder: the parent-death pipe, and the pipe to the process that
// started it. The latter is both standard output and error, so that a panic is read there, too.
const (
	deathPipeFD = 0
	reportFD    = 1
	firstFD     = 3 // the first descriptor that the role uses
)

// init keeps a holder's main goroutine on its main thread: if a role blocks or sets a
// signal mask, that must be seen on the process's main thread.
func init() {
	if os.Getenv(roleEnv) != "" {
		runtime.LockOSThread()
	}
}

// RunRole returns at once in an ordinary process. In a holder it runs the role and never
// returns. It must be called first in main, and in the TestMain of tests that make fixtures.
func RunRole() {
	if os.Getenv(roleEnv) == "" || privilege.Beyond() != "" {
		return
	}
	r := &role{}
	err := r.take(os.Args)
	if err == nil {
		err = errors.New("the role came to its end")
	}
	r.send(message{Error: err.Error(), Unavailable: errors.As(err, new(*Unavailable))})
	os.Exit(1)
}

// role is a holder process, as seen by itself. Roles make plain system calls: package os would start
// the runtime's poller, and with it an epoll instance and an eventfd that do not belong to the fixture.
type role struct {
	args     []string
	children []int  // processes started by [role.child]; reaped at the end
	ends     bool   // whether it ends as soon as its work is done; see [ending]
	reports  string // inode of the pipe for reports, until it is closed
}

// message is what a holder sends to the process that started it, one on each line.
type message struct {
	Ready       bool            `json:"ready,omitempty"`
	Report      json.RawMessage `json:"report,omitempty"`
	Error       string          `json:"error,omitempty"`
	Unavailable bool            `json:"unavailable,omitempty"`
}

func (r *role) take(argv []string) error {
	if len(argv) < 3 {
		return fmt.Errorf("%s is set, but the arguments name no fixture and role", roleEnv)
	}
	f, err := fixtureOfRole(argv[1])
	if err != nil {
		return err
	}
	name := argv[2]
	run, ok := f.roles[name]
	if !ok {
		return fmt.Errorf("fixture %s has no role %q", f.Name, name)
	}
	if err := setComm(f.comm(name)); err != nil {
		return err
	}
	r.args = argv[3:]
	if r.reports, err = inode(reportFD); err != nil {
		return err
	}
	closeStrays()
	return run(r)
}

// fixtureOfRole is the fixture that a holder belongs to.
func fixtureOfRole(name string) (Fixture, error) {
	if strings.HasPrefix(name, trafficPrefix) {
		for _, f := range trafficFixtures() {
			if f.Name == name {
				return f, nil
			}
		}
	}
	found, err := find([]string{name})
	if err != nil {
		return Fixture{}, err
	}
	return found[0], nil
}

// closeStrays closes descriptors that the holder inherited by accident, for example from the
// shell: they do not belong to the fixture. The Go runtime's own descriptors are close-on-exec.
func closeStrays() {
	mine, _ := strconv.Atoi(os.Getenv(roleEnv))
	for fd := firstFD + mine; fd < 1024; fd++ {
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil && flags&unix.FD_CLOEXEC == 0 {
			_ = unix.Close(fd)
		}
	}
}

// setComm sets the command name of the process, so that people recognise it.
func setComm(comm string) error {
	name, err := unix.BytePtrFromString(comm)
	if err != nil {
		return err
	}
	return os.NewSyscallError("prctl PR_SET_NAME", unix.Prctl(unix.PR_SET_NAME, uintptr(unsafe.Pointer(name)), 0, 0, 0))
}

// send writes one message.
func (r *role) send(m message) {
	b, err := json.Marshal(m)
	if err != nil {
		b, _ = json.Marshal(message{Error: err.Error()})
	}
	_, _ = unix.Write(reportFD, append(b, '\n'))
}

// tell sends a report to the process that started this one, before it is ready.
func (r *role) tell(report any) error {
	b, err := json.Marshal(report)
	if err != nil {
		return err
	}
	r.send(message{Report: b})
	return nil
}

// ready says that the role is set up; report, which may be nil, describes it. Nothing can
// be sent afterwards.
func (r *role) ready(report any) error {
	b, err := json.Marshal(report)
	if err != nil {
		return err
	}
	r.send(message{Ready: true, Report: b})
	return r.stopReporting()
}

// stopReporting closes the pipe for reports. Nobody reads it once the fixture is ready, and a
// pipe without a reader would be a finding.
func (r *role) stopReporting() error {
	if r.reports == "" {
		return nil
	}
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("/dev/null: %w", err)
	}
	defer unix.Close(null)
	for _, fd := range []int{reportFD, 2} {
		if ino, err := inode(fd); err != nil || ino != r.reports {
			continue // the role uses this descriptor for something else
		}
		if err := unix.Dup3(null, fd, 0); err != nil {
			return err
		}
	}
	r.reports = ""
	return nil
}

// hold waits for the end of the run, then ends the process at once: os.Exit of a program
// built with the race detector takes a second.
func (r *role) hold() {
	var b [1]byte
	if r.ends {
		unix.Exit(0)
	}
	_ = r.stopReporting() // for roles that never report that they are ready
	for {
		if n, err := unix.Read(deathPipeFD, b[:]); err != unix.EINTR && n <= 0 {
			for _, pid := range r.children {
				collect(pid)
			}
			unix.Exit(0)
		}
	}
}

// collect waits for the end of a child, which has the same parent-death pipe. A stopped
// child does not notice the pipe's end, so it is killed.
func collect(pid int) {
	for {
		var status unix.WaitStatus
		_, err := unix.Wait4(pid, &status, unix.WUNTRACED, nil)
		switch {
		case err == unix.EINTR:
		case err == nil && status.Stopped():
			_ = unix.Kill(pid, unix.SIGKILL)
		default:
			return
		}
	}
}

// readyAndHold is the last call of most roles.
func (r *role) readyAndHold(report any) error {
	if err := r.ready(report); err != nil {
		return err
	}
	r.hold()
	return nil
}

// ending makes a role whose process ends where others would call hold; see [maker.ended].
func ending(part func(*role) error) func(*role) error {
	return func(r *role) error {
		r.ends = true
		return part(r)
	}
}

// holdRole holds the descriptors that it inherited and does nothing else.
func holdRole(r *role) error { return r.readyAndHold(nil) }

// child starts a process that runs another role of the same fixture and has the same
// parent-death pipe. It inherits fds, from descriptor 3 on; sys may be nil.
func (r *role) child(name string, sys *syscall.SysProcAttr, fds ...int) (int, error) {
	files := []uintptr{deathPipeFD, reportFD, reportFD}
	for _, fd := range fds {
		files = append(files, uintptr(fd))
	}
	pid, err := syscall.ForkExec("/proc/self/exe", []string{os.Args[0], os.Args[1], name}, &syscall.ProcAttr{
		Env: append(holderEnv(len(fds)), os.Environ()...), Files: files, Sys: sys, // if a variable occurs twice, the first value counts
	})
	if err != nil {
		return 0, fmt.Errorf("start %s: %w", name, err)
	}
	r.children = append(r.children, pid)
	return pid, nil
}

// pause sleeps for a moment without using the runtime's timers; see [role].
func pause() { _, _ = unix.Poll(nil, 2) }
