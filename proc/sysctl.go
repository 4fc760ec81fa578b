package proc

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// Sysctl reads the numbers in a file below /proc/sys by its dotted name, such as
// kernel.sem (proc_sys(5)). The files of IPC and the network show the namespaces
// of the calling thread. The result is nil if the file does not exist in this
// kernel, or not in this namespace.
func Sysctl(root *Dir, name string) (numbers []uint64, path string, err error) {
	file := "sys/" + strings.ReplaceAll(name, ".", "/")
	path = root.path + "/" + file
	text, err := root.ReadFile(file, nil)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, path, nil
	}
	if err != nil {
		return nil, path, err
	}
	if numbers, err = parseSysctl(text); err != nil {
		return nil, path, fmt.Errorf("%s: %w", path, err)
	}
	return numbers, path, nil
}

// parseSysctl reads numbers with blanks between them.
func parseSysctl(text []byte) ([]uint64, error) {
	words := bytes.Fields(text)
	if len(words) == 0 {
		return nil, fmt.Errorf("%w: no number", ErrMalformed)
	}
	numbers := make([]uint64, len(words))
	for i, w := range words {
		n, err := strconv.ParseUint(string(w), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%w: %q is no number", ErrMalformed, head(w))
		}
		numbers[i] = n
	}
	return numbers, nil
}
