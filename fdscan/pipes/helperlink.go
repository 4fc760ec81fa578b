package pipes

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/privilege"
)

// ipctop and its helper process communicate over a socket pair, because a socket
// tells who sent a message. The helper may have rights that the user who started it
// does not have, so it answers only its parent, and only if that is ipctop itself.

// helperSocket is the descriptor of the helper's end.
const helperSocket = 0

// newHelperLink makes the socket pair. If one of the processes ends, the other
// one gets end of file.
func newHelperLink() (own, helper *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	// Only ipctop's end uses the runtime's poller: deadlines are set on it.
	_ = unix.SetNonblock(fds[0], true)
	return os.NewFile(uintptr(fds[0]), "helper"), os.NewFile(uintptr(fds[1]), "helper"), nil
}

const challengeSize = 16

// answerChallenge sends back what the helper sent: only the parent can do that.
func answerChallenge(link *os.File) error {
	var text [challengeSize]byte
	for got := 0; got < len(text); {
		n, err := link.Read(text[got:])
		if got += n; err != nil {
			return err
		}
	}
	_, err := link.Write(text[:])
	return err
}

// isHelper reports whether this process was started as a helper by a process on
// the other end of a socket pair, as far as that can be seen without asking.
func isHelper() bool {
	peer, err := unix.GetsockoptUcred(helperSocket, unix.SOL_SOCKET, unix.SO_PEERCRED)
	return err == nil && int(peer.Pid) == os.Getppid()
}

// checkParent makes sure that the parent is ipctop. First it checks that the parent runs
// the same program. From then on it stays the same process, so an answer from that
// process comes from ipctop: the kernel tells who sent it.
func checkParent() error {
	if err := unix.SetsockoptInt(helperSocket, unix.SOL_SOCKET, unix.SO_PASSCRED, 1); err != nil {
		return os.NewSyscallError("setsockopt SO_PASSCRED", err)
	}
	parent := os.Getppid()
	if privilege.Beyond() != "" {
		own, err := os.Stat("/proc/self/exe")
		if err != nil {
			return err
		}
		theirs, err := os.Stat(fmt.Sprintf("/proc/%d/exe", parent))
		if err != nil {
			return err
		}
		if !os.SameFile(own, theirs) {
			return errors.New("the parent is another program")
		}
	}
	var challenge [challengeSize]byte
	_, _ = rand.Read(challenge[:])
	if _, err := unix.Write(helperSocket, challenge[:]); err != nil {
		return err
	}
	return readChallenge(parent, challenge)
}

// readChallenge reads what was sent back, and checks who sent it.
func readChallenge(parent int, want [challengeSize]byte) error {
	var got []byte
	for len(got) < challengeSize {
		text := make([]byte, challengeSize-len(got))
		control := make([]byte, unix.CmsgSpace(unix.SizeofUcred))
		n, nc, _, _, err := unix.Recvmsg(helperSocket, text, control, 0)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return err
		case n == 0:
			return syscall.EPIPE
		}
		if sender, err := senderOf(control[:nc]); err != nil || sender != parent {
			return errors.New("a process other than the parent answered")
		}
		got = append(got, text[:n]...)
	}
	if [challengeSize]byte(got) != want {
		return errors.New("the parent did not answer what it was asked")
	}
	return nil
}

// senderOf returns the process that sent a message, according to the kernel.
func senderOf(control []byte) (int, error) {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil || len(messages) != 1 {
		return 0, fmt.Errorf("no credentials came with a message: %w", err)
	}
	cred, err := unix.ParseUnixCredentials(&messages[0])
	if err != nil {
		return 0, err
	}
	return int(cred.Pid), nil
}
