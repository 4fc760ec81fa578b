package sigstate

import (
	"bytes"
	"strconv"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

// limit emits how many signals are queued for a process's user, and this
// process's limit for them. Signals are counted for the real user
// (getrlimit(2)), so the model's user id, the effective one, cannot be used. The
// snapshot keeps one such limit for each user.
func limit(status []byte, s *State, out *probe.Collector) {
	uid, ok := realUser(status)
	if !ok || !s.Queued.Known() {
		return
	}
	out.Limit(model.Limit{
		Name: "RLIMIT_SIGPENDING", Scope: &model.LimitScope{UID: model.Some(uid)}, Used: s.Queued, Max: s.QueueLimit,
		Unlimited: s.unlimited, Unit: "signals",
	})
}

// realUser is the first number of the Uid line.
func realUser(status []byte) (int, bool) {
	f := bytes.Fields(maskText(status, "\nUid:"))
	if len(f) == 0 {
		return 0, false
	}
	uid, err := strconv.Atoi(string(f[0]))
	return uid, err == nil && uid >= 0
}
