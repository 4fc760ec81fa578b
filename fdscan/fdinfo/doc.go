// Package fdinfo takes apart the texts of /proc/PID/fdinfo/N (proc_pid_fdinfo(5)):
// lines "key: value", words "key:value", numbers and masks.
//
// Kernel files read: none; callers pass the text. Minimum kernel: none.
// Privilege: none.
//
// Errors: a malformed line costs only that line; the error wraps [proc.ErrMalformed]
// and quotes the first such line.
package fdinfo
