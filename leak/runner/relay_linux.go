package runner

import (
	"os"
	"os/signal"

	"golang.org/x/sys/unix"
)

// relay passes signals on to a command.
type relay struct {
	signals chan os.Signal
	done    chan struct{}
}

// newRelay begins to collect signals: those that arrive while the command is being
// started are for the command, too.
func newRelay() *relay {
	r := &relay{make(chan os.Signal, 16), make(chan struct{})}
	signal.Notify(r.signals, unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT)
	return r
}

// to passes them on to a process.
func (r *relay) to(p *os.Process) {
	go func() {
		for {
			select {
			case <-r.done:
				return
			case s := <-r.signals:
				// The terminal sends its signals to the whole foreground process group, so
				// the command has received them already.
				if s != unix.SIGTERM && inForeground() {
					continue
				}
				_ = p.Signal(s) // it may have ended
			}
		}
	}()
}

func (r *relay) stop() {
	signal.Stop(r.signals)
	close(r.done)
}

// inForeground reports whether ipctop is in the foreground of its terminal.
func inForeground() bool {
	tty, err := unix.Open("/dev/tty", unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
	if err != nil {
		return false // ipctop has no terminal
	}
	defer unix.Close(tty)
	group, err := unix.IoctlGetInt(tty, unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}
