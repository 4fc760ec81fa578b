package proc

import (
	"errors"
	"fmt"
	"os"
)

var (
	// ErrForeign is returned instead of touching a file on a file system
	// whose server may not answer.
	ErrForeign = fmt.Errorf("%w: on a foreign file system, which may not answer", errors.ErrUnsupported)

	ErrVanished = fmt.Errorf("the process is gone: %w", os.ErrNotExist)
)
