// Package graph is the wait-for graph of a snapshot: which threads could release
// each thread that is blocked, which of them never will, and why.
//
// A wait is an AND of clauses, and a clause an OR of threads: one thread of every
// clause must act before the wait ends. The thread that waits is no part of its own
// clauses. Where something may release it that no scan sees, the clause carries a
// [Level]: what one would have to leave out of account to rule that out.
//
// To begin with, every thread whose wait is confirmed is taken for dead, and all
// others for free. A thread each of whose clauses may come true from elsewhere or has a free thread
// may yet run, and is free, too; and so on, until nothing changes. Of each thread
// that remains, some clause lies wholly among the dead. Threads that wait for each
// other over such clauses are a deadlock; anyone who merely waits for them is a victim.
//
// It is a pure function of the snapshot, so it works on a dump. All confirmed waits
// held at one instant. Descriptors, locks and threads were read earlier: they are
// what they were then if the thread has not run since the scan began, which its age
// tells ([Graph.settled]); only such waits make a deadlock that is certain.
package graph
