package waitstate

import (
	"bytes"
	"strconv"
	"strings"
)

// cleanWchan returns the name of a kernel function without the compiler's suffixes
// (foo.constprop.0, foo.isra.0); "" for 0, which the kernel shows to readers without the
// permission.
func cleanWchan(b []byte) string {
	s := string(bytes.TrimSpace(b))
	if s == "0" {
		return ""
	}
	s, _, _ = strings.Cut(s, ".")
	return s
}

// resumesSleep reports whether a thread in restart_syscall(2) resumes a sleep. poll, futex and
// select wait in functions of their own. A sleep waits in functions of the scheduler, so wchan
// shows their caller: a function for timers, or the entry of system calls.
func resumesSleep(wchan string) bool {
	return wchan != "" && !strings.Contains(wchan, "poll") && !strings.Contains(wchan, "futex") && !strings.Contains(wchan, "select")
}

func itoa(n int) string { return strconv.Itoa(n) }
