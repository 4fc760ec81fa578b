// Package privilege decides whether ipctop has more rights than its user, by
// file capabilities or the set-user-ID or set-group-ID bit, and gives such rights up
// for what the user may choose: files are opened with the user's own rights
// ([AsUser]), and the environment does not change what the program is ([Distrust]).
//
// Kernel files read: none; it asks the auxiliary vector (AT_SECURE, getauxval(3)),
// getuid(2) and capget(2). Minimum kernel: none. Privilege: none.
// Errors: those of the system calls that give up rights, with the name of the call.
// If such a call fails, the work is not done with more rights instead.
package privilege
