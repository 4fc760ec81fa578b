// Package fdinfo takes apart the texts of /proc/PID/fdinfo/N (proc_pid_fdinfo(5)):
// lines "key: value", words "key:value", numbers and masks.
//
// Kernel files read: none; callers hand the text in. Minimum kernel: none.
// Privilege: none.
//
// Errors: a line that is not what the kernel writes costs that line; the error wraps
// [proc.ErrMalformed] and quotes the first of them.
package fdinfo
