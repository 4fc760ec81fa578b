// Package testfixtures makes real instances of the mechanisms ipctop shows: real
// kernel objects, held by real separate processes, in a known state. `ipctop
// fixtures` shows them to people; tests compare them with what a scan sees.
//
// A [Fixture] has a function that makes it, and roles: functions that run in processes of their own. For
// a role the running binary (or [Program]) is executed again, and [RunRole], called first in main and in
// TestMain, runs it. What a fixture says about itself ([Instance].Expect) comes from its own system
// calls (fstat, getsockname, F_GETPIPE_SZ, IPC_STAT …), never from a scan: the two check each other.
//
// # Leaving nothing behind
//
// [Run.Close] removes everything. If a run is killed, two more things help. Its holders end by
// themselves: they all wait for the end of file of one pipe, the parent-death pipe, and only the process
// that started them has its write end. And what outlives processes (System V objects, message queues,
// names in the file system) is recorded in a manifest before it is made, where [Clean] finds it.
//
// # Rules
//
// A fixture named after a rule of the diagnosis makes the fault that the rule finds, and
// RULE:control something that only looks like it. [Instance].Diagnosis says what the rule
// must find, or that it must not mention the instance.
//
// # Traffic
//
// [StartTraffic] makes channels through which data is sent on request. Both ends count what
// their own calls carried; rates are compared with these counts.
//
// # Adding a fixture
//
// Write a file with a function that returns the family's fixtures (pipe.go is the
// smallest) and add that function to [All].
package testfixtures
