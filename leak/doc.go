// Package leak tells what a command left behind, from two snapshots of the
// machine and what is known of the command's descendants. It does no I/O.
package leak
