package live

import "github.com/ipctop/ipctop/render"

// columnDocs describe the columns that only the live view has.
var columnDocs = []render.ColumnDoc{
	{Name: "AGE", Doc: "for how long it has been so"},
	{Name: "RULE", Doc: "the rule that found it: ipctop explain RULE"},
	{Name: "WHAT", Doc: "who waits, for what and behind whom; in the log, what it happened to"},
	{Name: "WAITS FOR", Doc: "what the process waits for, of its threads the one that has been stuck longest; ! marks what is no idleness"},
	{Name: "IPC", Doc: "number of IPC objects it holds"},
	{Name: "PEERS", Doc: "the processes it has a channel with, and through what; files and terminals that are merely shared do not count"},
	{Name: "WITHHELD", Doc: "a signal that would end the process, has been sent to it, and is blocked"},
	{Name: "ADDRESS", Doc: "local address, then the remote one; the path or name of a UNIX socket"},
	{Name: "HOLDS", Doc: "how it is held: descriptor, mapping, lock"},
	{Name: "NAME", Doc: "what people call it: a path, a key, an address"},
	{Name: "TYPE", Doc: "flock, posix or ofd of files; mutex, rwlock and so on of futexes; the kind of semaphore"},
	{Name: "MODE", Doc: "READ or WRITE lock"},
	{Name: "RANGE", Doc: "the bytes locked, the number of locks if there are several, or the values of semaphores"},
	{Name: "HOLDER", Doc: "who has it locked"},
	{Name: "WAITERS", Doc: "threads that are seen to wait for it"},
	{Name: "OLDEST WAIT", Doc: "the longest wait for it, and whose"},
	{Name: "TIME", Doc: "when it happened"},
	{Name: "KIND", Doc: "of what it is: a kind of object, process, wait, or the rule"},
	{Name: "WHO", Doc: "whom it concerns"},
}

// ColumnDocs returns the descriptions of the columns that only the live view has.
func ColumnDocs() []render.ColumnDoc { return columnDocs }
