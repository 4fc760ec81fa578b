package probe

import (
	"errors"
	"fmt"
	"os"
)

var (
	// ErrForeign is returned instead of touching a file on a file system
	// whose server may not answer.
	ErrForeign = fmt.Errorf("%w: on a foreign file system, which may not answer", errors.ErrUnsupported)

	errVanished = fmt.Errorf("the process is gone: %w", os.ErrNotExist)

	// ErrGivenUp is returned for an operation that once got stuck, or when too
	// many threads are stuck already.
	ErrGivenUp = fmt.Errorf("%w: it did not answer and is left alone", os.ErrDeadlineExceeded)
)
