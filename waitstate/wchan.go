package waitstate

import (
	"bytes"
	"strconv"
	"strings"
)

// cleanWchan is the name of a kernel function without what the compiler has added
// to it (foo.constprop.0, foo.isra.0); "" for 0, which is what those get who may
// not know.
func cleanWchan(b []byte) string {
	s := string(bytes.TrimSpace(b))
	if s == "0" {
		return ""
	}
	s, _, _ = strings.Cut(s, ".")
	return s
}

// resumesSleep reports whether a thread in restart_syscall(2) sleeps. poll, futex and
// select have functions of their own in which it waits; those of a sleep belong to the
// scheduler, so that the kernel names who called them: one for timers, or the entry of system calls.
func resumesSleep(wchan string) bool {
	return wchan != "" && !strings.Contains(wchan, "poll") && !strings.Contains(wchan, "futex") && !strings.Contains(wchan, "select")
}

func itoa(n int) string { return strconv.Itoa(n) }
