package render

import (
	"fmt"
	"strconv"
)

// Counted returns a number with its noun.
func Counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// threadsWait says that n of all threads wait.
func threadsWait(n, all int) string {
	if n == 1 {
		return fmt.Sprintf("1 thread of %d waits", all)
	}
	return fmt.Sprintf("%d threads of %d wait", n, all)
}
