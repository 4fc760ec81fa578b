package testfixtures

import (
	"errors"
	"slices"

	"golang.org/x/sys/unix"
)

// Unavailable is the error of a fixture that cannot be made here: this user may
// not, or this kernel does not have it. That is not a failure of the fixture;
// a caller that runs many of them skips it and says why.
type Unavailable struct {
	Reason string // what is missing
	Err    error  // what the kernel said; may be nil
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

// refusals are the errors by which a kernel says that it does not have something
// or that one may not have it.
var refusals = []error{
	unix.EPERM, unix.EACCES, unix.ENOSYS, unix.EAFNOSUPPORT, unix.EPROTONOSUPPORT, unix.ESOCKTNOSUPPORT, unix.EADDRNOTAVAIL,
	unix.ENOPROTOOPT,
}

// needing turns a refusal into [Unavailable]; what names what is needed. Other
// errors, and nil, stay as they are.
func needing(what string, err error) error {
	if slices.ContainsFunc(refusals, func(e error) bool { return errors.Is(err, e) }) {
		return &Unavailable{Reason: "needs " + what, Err: err}
	}
	return err
}
