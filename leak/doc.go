// Package leak tells what a command left behind, from two looks at the
// machine and what is known of the command's descendants. It does no I/O.
package leak
