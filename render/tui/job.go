package tui

import (
	"os"
	"os/signal"
	"syscall"
	"time"
)

// jobControl receives the signals for stopping and continuing. In raw mode Ctrl-Z is an
// ordinary key; SIGTSTP comes from another process (kill -TSTP).
type jobControl struct {
	stopped, continued chan os.Signal
}

func watchJobControl() *jobControl {
	j := &jobControl{make(chan os.Signal, 1), make(chan os.Signal, 1)}
	signal.Notify(j.stopped, syscall.SIGTSTP)
	signal.Notify(j.continued, syscall.SIGCONT)
	return j
}

func (j *jobControl) stop() {
	signal.Stop(j.stopped)
	signal.Stop(j.continued)
}

// longestStop limits how long ipctop waits until it has been stopped. If stopping works, the
// limit does not matter: the time passes while the process is stopped.
const longestStop = time.Second

// suspend restores the terminal, stops the process, and takes the terminal again when the
// process continues.
func (v *view) suspend(j *jobControl) {
	if err := v.screen.Suspend(); err != nil {
		return
	}
	select {
	case <-j.continued: // discard an old signal
	default:
	}
	// SIGSTOP, because SIGTSTP is caught. It may take effect only after kill(2) has
	// returned. Without the wait, ipctop would take the terminal again and then be stopped
	// as its foreground process.
	if err := syscall.Kill(os.Getpid(), syscall.SIGSTOP); err == nil {
		select {
		case <-j.continued:
		case <-time.After(longestStop):
		}
	}
	if v.screen.Resume() == nil {
		v.screen.Sync()
	}
}
