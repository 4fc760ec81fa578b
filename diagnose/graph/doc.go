// Package graph is the wait-for graph of a snapshot: which threads could release
// each thread that is blocked, which of them never will, and why.
//
// A wait is an AND of clauses, and a clause an OR of threads: one thread of every
// clause must act before the wait ends. The waiting thread is not part of its own
// clauses. If something that no scan sees could also end the wait, the clause has a
// [Level], which says what must be assumed to rule that out.
//
// The algorithm starts with every thread whose wait is confirmed as dead (it will
// never run again), and all others as free. A dead thread becomes free if each of its
// clauses can be fulfilled from outside or contains a free thread. This is repeated
// until nothing changes. Each thread that is still dead has at least one clause whose
// threads are all dead. Threads that wait for each other through such clauses are a
// deadlock; a thread that only waits for them is a victim.
//
// It is a pure function of the snapshot, so it works on a dump. All confirmed waits
// held at one instant. Descriptors, locks and threads were read earlier. They are
// still valid for a thread that has not run since the scan began, which is known from
// the age of its wait (see settled); only such waits make a deadlock certain.
package graph
