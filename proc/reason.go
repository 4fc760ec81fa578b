package proc

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
)

// ErrMalformed is wrapped by parsers if their input is not what the kernel writes.
var ErrMalformed = errors.New("malformed")

// ReasonOf maps an error to a reason of a gap. ESRCH and EIDRM mean "gone" as
// ENOENT does, but [fs.ErrNotExist] does not match them.
func ReasonOf(err error) model.Reason {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return model.Denied
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ESRCH), errors.Is(err, unix.EIDRM):
		return model.Vanished
	case errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.EPROTONOSUPPORT),
		errors.Is(err, unix.EAFNOSUPPORT), errors.Is(err, unix.EINVAL), errors.Is(err, errors.ErrUnsupported):
		return model.Unsupported
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return model.Timeout
	case errors.Is(err, unix.EFBIG):
		return model.Truncated
	case errors.Is(err, ErrMalformed):
		return model.Malformed
	}
	return model.Other
}

// Gone reports whether err says that the process or file no longer exists.
func Gone(err error) bool { return ReasonOf(err) == model.Vanished }
