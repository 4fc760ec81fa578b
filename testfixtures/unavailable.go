package testfixtures

import (
	"errors"
	"slices"

	"golang.org/x/sys/unix"
)

// Unavailable is the error of a fixture that cannot be made here because this user may not
// make it, or because this kernel does not support it. That is not a failure: a caller that
// makes many fixtures skips it and reports why.
type Unavailable struct {
	Reason string // what is missing
	Err    error  // the kernel's error; may be nil
}

// Error implements error.
func (e *Unavailable) Error() string {
	if e.Err == nil {
		return e.Reason
	}
	return e.Reason + " (" + e.Err.Error() + ")"
}

// Unwrap implements the errors package's unwrapping.
func (e *Unavailable) Unwrap() error { return e.Err }

// refusals are the errors by which a kernel says that it does not support something, or
// that it is not permitted.
var refusals = []error{
	unix.EPERM, unix.EACCES, unix.ENOSYS, unix.EAFNOSUPPORT, unix.EPROTONOSUPPORT, unix.ESOCKTNOSUPPORT, unix.EADDRNOTAVAIL,
	unix.ENOPROTOOPT,
}

// needing turns a refusal into [Unavailable]; what says what is needed. It returns other
// errors, and nil, unchanged.
func needing(what string, err error) error {
	if slices.ContainsFunc(refusals, func(e error) bool { return errors.Is(err, e) }) {
		return &Unavailable{Reason: "needs " + what, Err: err}
	}
	return err
}
