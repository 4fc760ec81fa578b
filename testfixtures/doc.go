// Package testfixtures makes real instances of the mechanisms ipctop shows: real
// kernel objects, held by real separate processes, in a known state. `ipctop
// fixtures` shows them to people; tests compare them with what a scan sees.
//
// A [Fixture] has a function that makes it and roles, which are functions that
// run in processes of their own: the running binary (or [Program]) is executed again and
// [RunRole], called first in main and in TestMain, takes the part. What a fixture
// says of itself ([Instance].Expect) comes from its own system calls (fstat,
// getsockname, F_GETPIPE_SZ, IPC_STAT …), never from a scan: the two are
// checks of each other.
//
// # Leaving nothing behind
//
// [Run.Close] removes everything. For a run that is killed there are two more
// lines of defence: its holders end by themselves, because they all wait for the
// end of file of one pipe, the parent-death pipe, whose only write end is in the process
// that started them; and whatever outlives processes (System V objects, message
// queues, names in the file system) is noted in a manifest before it is made,
// where [Clean] finds it.
//
// # Rules
//
// A fixture named after a rule of the diagnosis makes its pathology, and
// RULE:control what only looks like it; [Instance].Diagnosis says what the rule
// must find, or that it must not speak of it.
//
// # Traffic
//
// [StartTraffic] makes channels through which data goes when it is told to. Both ends
// count themselves what their calls carried, which is what rates are compared with.
//
// # Adding a fixture
//
// Write a file with a function that returns the family's fixtures (pipe.go is the
// smallest) and add that function to [All].
package testfixtures
