package privilege

import (
	"os"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// Beyond tells in what way ipctop has more rights than its user, "" if it has
// not. Capabilities that a user other than root got without file capabilities
// (ambient ones) count, too.
func Beyond() string { return beyond() }

var beyond = sync.OnceValue(func() string {
	if os.Getuid() != os.Geteuid() || os.Getgid() != os.Getegid() {
		return "ipctop runs with the rights of another user (set-user-ID)"
	}
	if os.Geteuid() == 0 {
		return ""
	}
	if c, err := threadCapabilities(); err != nil || c.permitted() {
		return "ipctop has capabilities that its user has not"
	}
	if vector, err := unix.Auxv(); err == nil {
		for _, entry := range vector {
			if entry[0] == atSecure && entry[1] != 0 {
				return "ipctop was started with more rights than its user has"
			}
		}
	}
	return ""
})

// atSecure is AT_SECURE of include/uapi/linux/auxvec.h: the kernel gave the program
// rights that the user who started it does not have.
const atSecure = 23

// trusted are the variables that are kept if the environment is not trusted.
// None of them makes ipctop open a file with more than the user's rights.
var trusted = []string{
	"TERM", "COLORTERM", "NO_COLOR", "LANG", "LC_ALL", "LC_CTYPE", "COLUMNS", "LINES", "HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "TZ",
}

// Distrust prepares a process that has more rights than its user: no other process may
// trace it, and only environment variables that affect the appearance are kept. A
// program calls it before anything else. In an ordinary process it does nothing.
func Distrust() error {
	if Beyond() == "" {
		return nil
	}
	if err := Untraceable(); err != nil {
		return err
	}
	stay := map[string]string{"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
	for _, name := range trusted {
		value, ok := os.LookupEnv(name)
		path := strings.HasPrefix(value, "/") || strings.HasPrefix(value, ":") || strings.Contains(value, "..")
		if ok && (!path || name == "HOME" || strings.HasPrefix(name, "XDG_")) {
			stay[name] = value
		}
	}
	os.Clearenv()
	for name, value := range stay {
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	return nil
}

// Untraceable keeps other processes of the same user from tracing this one and from
// taking its descriptors (PR_SET_DUMPABLE in prctl(2)).
func Untraceable() error {
	return os.NewSyscallError("prctl PR_SET_DUMPABLE", unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0))
}
