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
	of := ""
	if e.Target != nil {
		of = " of " + o.party(e.Target)
	}
	after := "  after " + o.colored(Notice, traceDuration(e.Waited))
	switch e.Became {
	case trace.LockUpgraded:
		return "upgraded to " + lease + on
	case trace.LockDowngraded:
		return "downgraded to " + lease + on
	case trace.LockRefused:
		return o.colored(Alarm, "did not "+open) + "  " + o.colored(Alarm, e.Error) + " because of the lease" + of
	case trace.LockWaits:
		return o.colored(Notice, "waits") + " to " + open + "  because of the lease" + of
	case trace.LockCleared:
		return "can " + open + after
	case trace.LockForced:
		return o.colored(Alarm, "made the kernel take away") + " the " + lease + of + on + "  as it was not given up in time"
	case trace.LockInterrupted:
		return o.colored(Notice, "stopped waiting") + " to " + open + after + "  " + o.colored(Alarm, e.Error) + ", as its handler of " + e.By + " ran"
	case trace.LockAbandoned:
		return o.colored(Notice, "stopped waiting") + " to " + open + after + "  as it ended"
	case trace.LockReleased:
		return "gave up " + lease + on
	}
	return "took " + lease + on
}
