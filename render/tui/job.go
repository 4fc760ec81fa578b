package tui

import (
	"os"
	"os/signal"
	"syscall"
	"time"
)

// jobControl hears of being stopped and continued. In raw mode Ctrl-Z is a key
// like any other; SIGTSTP comes from elsewhere (kill -TSTP).
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

// longestStop bounds how long ipctop waits for having been stopped. Where
// stopping works the time does not matter: it passes while the process stands
// still.
const longestStop = time.Second

// suspend gives the terminal back, stops the process, and takes the terminal
// again when it goes on.
func (v *view) suspend(j *jobControl) {
	if err := v.screen.Suspend(); err != nil {
		return
	}
	select {
	case <-j.continued: // an old one
	default:
	}
	// SIGSTOP, as SIGTSTP is caught. It may take effect only after kill(2) has
	// returned; without the wait, ipctop would take the terminal again and be
	// stopped as its foreground process.
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
