package remediate

import (
	"bytes"
	"os"
	"strconv"
)

// Refused says why nothing may be changed by this ipctop, "" if it may: with the
// set-user-ID bit or file capabilities it has more power than its user, and that
// was given to it for looking.
func Refused() string {
	if os.Getuid() != os.Geteuid() || os.Getgid() != os.Getegid() {
		return "ipctop runs with the rights of another user (set-user-ID)"
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return "what ipctop may do cannot be read: " + err.Error()
	}
	if os.Geteuid() != 0 && hasCapabilities(status) {
		return "ipctop has capabilities that its user has not"
	}
	return ""
}

// hasCapabilities reads CapPrm of /proc/PID/status (proc_pid_status(5)). What
// cannot be read counts as some.
func hasCapabilities(status []byte) bool {
	for line := range bytes.Lines(status) {
		if v, ok := bytes.CutPrefix(line, []byte("CapPrm:")); ok {
			set, err := strconv.ParseUint(string(bytes.TrimSpace(v)), 16, 64)
			return err != nil || set != 0
		}
	}
	return true
}
