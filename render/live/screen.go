package live

import (
	"slices"

	"github.com/ipctop/ipctop/model"
)

// recordList is the name, as in JSON, of the snapshot's list from which a screen's rows
// come: filter expressions use its fields.
type recordList string

const (
	listObjects   recordList = "objects"
	listProcesses recordList = "processes"
	listNone      recordList = "" // no expression makes sense
)

// screen describes one screen.
type screen struct {
	title      string // on the line of screens
	about      string // in help
	list       recordList
	categories []string // of KindInfo: the kinds that are shown here
	columns    []string // in this order; those that only some machines need are left out if empty
	empty      string   // the text if there are no rows
}

// The screens, in the order of their keys.
const (
	screenOverview = iota
	screenProcs
	screenChannels
	screenSockets
	screenMemory
	screenLocks
	screenSignals
	screenLog
	screenHeld // the objects of one process; has no key of its own
)

var screens = []screen{
	{
		title: "Overview", about: "what is wrong, what is filling up, who talks with whom, and what happened last",
		columns: []string{"", "AGE", "RULE", "WHAT"},
	},
	{
		title: "Procs", about: "processes, and whom they talk with; kernel threads are left out", list: listProcesses,
		columns: []string{"PID", "USER", "S", "THREADS", "FDS", "IPC", "COMMAND", "WAITS FOR", "PEERS", "CMDLINE"}, empty: "No process could be seen.",
	},
	{
		title: "Chan", about: "pipes, FIFOs, terminals, event counters and the like", list: listObjects,
		categories: []string{"channel", "event"},
		columns:    []string{"ID", "QUEUED", "RATE", "PEERS", "NAME"}, empty: "No channel could be seen.",
	},
	{
		title: "Sock", about: "sockets of every family", list: listObjects, categories: []string{"socket"},
		columns: []string{"ID", "STATE", "BACKLOG", "RECVQ", "SENDQ", "RATE", "ADDRESS", "PEERS"}, empty: "No socket could be seen.",
	},
	{
		title: "Mem", about: "message queues and shared memory", list: listObjects, categories: []string{"memory", "queue"},
		columns: []string{"ID", "NAME", "SIZE", "FILL", "MESSAGES", "RATE", "STATUS", "PEERS", "SENDER", "RECEIVER"}, empty: "No queue or shared memory could be seen.",
	},
	{
		title: "Locks", about: "locks, semaphores and futexes that are taken or waited for", list: listObjects, categories: []string{"lock"},
		columns: []string{"NAME", "TYPE", "MODE", "RANGE", "HOLDER", "WAITERS", "OLDEST WAIT"}, empty: "Nothing is locked, as far as could be seen.",
	},
	{
		title: "Sig", about: "processes with pending or blocked signals", list: listProcesses,
		columns: []string{"PID", "USER", "S", "COMMAND", "WITHHELD", "PENDING", "SHARED", "BLOCKED"}, empty: "No process has pending or blocked signals.",
	},
	{
		title: "Log", about: "what appeared, vanished, got stuck and was released since ipctop started, and what was traced", list: listNone,
		columns: []string{"TIME", "", "KIND", "WHAT", "WHO"}, empty: "Nothing appeared or vanished yet. T: signals, long waits and exits, too.",
	},
	{
		title: "", list: listObjects,
		columns: []string{"ID", "FILL", "RATE", "STATE", "HOLDS", "ADDRESS", "PEERS"}, empty: "It holds nothing that could be seen.",
	},
}

// keyed is the number of screens that have a key of their own.
const keyed = screenHeld

// screenOfKind returns the screen that shows a kind. A category that no screen has, or an
// unknown kind, is shown with the channels, so that every object is on some screen.
func screenOfKind(k model.Kind) int {
	if s, ok := kindScreens[k]; ok {
		return s
	}
	return screenChannels
}

var kindScreens = func() map[model.Kind]int {
	m := map[model.Kind]int{}
	for _, k := range model.Kinds() {
		if s := screenOfCategory(k.Category); s >= 0 {
			m[k.Name] = s
		}
	}
	return m
}()

func screenOfCategory(category string) int {
	return slices.IndexFunc(screens, func(s screen) bool { return slices.Contains(s.categories, category) })
}
