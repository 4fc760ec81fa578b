// Package runner runs a command and reports what it and its descendants left
// behind: it takes a snapshot before and after, follows the process tree
// (leak/processtree), lists FIFOs and socket paths (leak/paths) and passes signals on.
//
// It makes the calling process the subreaper of its children
// (PR_SET_CHILD_SUBREAPER, 3.4). Isolate starts the program again in an IPC namespace
// of its own, which needs CAP_SYS_ADMIN or user namespaces (CLONE_NEWUSER). If a command
// cannot be started, the error is a *StartError with the exit status that shells use.
package runner
