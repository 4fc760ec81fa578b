package render

import "github.com/ipctop/ipctop/trace"

// lease says what happens to a lease on a file, or to a process that opens the file meanwhile.
func (o *Options) lease(e *trace.Event) string {
	lease, open := "lease", "open "+o.lockedFile(e)
	switch e.Mode {
	case trace.LockRead:
		lease, open = "shared lease", open+" for reading"
	case trace.LockWrite:
		lease, open = "exclusive lease", open+" for writing"
	}
	on := "  on " + o.lockedFile(e)
	of, held := "", ""
	if e.Target != nil {
		of, held = " of "+o.party(e.Target), " held by "+o.party(e.Target)
	}
	after := "  after " + o.colored(Notice, traceDuration(e.Waited))
	switch e.Outcome {
	case trace.LockUpgraded:
		return "upgraded to " + lease + on
	case trace.LockDowngraded:
		return "downgraded to " + lease + on
	case trace.LockRefused:
		return o.colored(Alarm, "did not "+open) + "  " + o.colored(Alarm, e.Error) + " because of a lease" + held
	case trace.LockWaits:
		return o.colored(Notice, "waits") + " to " + open + "  because of a lease" + held
	case trace.LockCleared:
		return "can " + open + after
	case trace.LockForced:
		return o.colored(Alarm, "made the kernel revoke") + " the " + lease + of + on + "  not released in time"
	case trace.LockInterrupted:
		return o.colored(Notice, "stopped waiting") + " to " + open + after + "  " + o.colored(Alarm, e.Error) + ", as its handler of " + e.By + " ran"
	case trace.LockAbandoned:
		return o.colored(Notice, "stopped waiting") + " to " + open + after + "  as it ended"
	case trace.LockReleased:
		return "released " + lease + on
	}
	return "took " + lease + on
}
