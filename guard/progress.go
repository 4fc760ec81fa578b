package guard

import (
	"bytes"
	"os"
	"strconv"
)

// threadMoved reports whether a thread of this process wants a processor, or has had one
// since seen was read; then it reads seen anew. A thread that is stuck in a call does
// neither.
func threadMoved(tid int, seen *string) bool {
	dir := "/proc/self/task/" + strconv.Itoa(tid)
	text, err := os.ReadFile(dir + "/schedstat")
	if err != nil {
		return false
	}
	fields := bytes.Fields(text)
	if len(fields) < 3 {
		return false
	}
	before := *seen
	*seen = string(fields[2])
	if before != "" && before != *seen {
		return true
	}
	stat, err := os.ReadFile(dir + "/stat")
	if err != nil {
		return false
	}
	_, rest, ok := bytes.Cut(stat[bytes.LastIndexByte(stat, ')')+1:], []byte(" "))
	return ok && len(rest) > 0 && rest[0] == 'R'
}
