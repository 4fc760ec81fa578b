package probe

import (
	"bytes"
	"slices"
	"strconv"
	"sync"
)

// LockTable is the text of /proc/locks (proc_locks(5)). It is read only once per scan: for a
// reading, the kernel stops all file locking on the machine, and waits about ten milliseconds
// until all processors have noticed.
//
// A table longer than a page comes in parts. The kernel finds the beginning of each part by
// counting from the start, so locks that are taken or released meanwhile make it repeat or
// skip others. So such a table is read again until two readings are the same. If that never
// happens, each line counts as often as it is in most readings, and steady is false.
func (s *Scan) LockTable() (text []byte, steady bool, err error) {
	t := &s.lockTable
	t.Do(func() {
		t.text, t.steady, t.err = steadyLocks(func() ([]byte, int, error) {
			return s.root.ReadParts("locks", make([]byte, 0, 64<<10))
		})
	})
	return t.text, t.steady, t.err
}

type lockTable struct {
	sync.Once
	text   []byte
	steady bool
	err    error
}

// lockReadings is how often the table of locks is read at most.
const lockReadings = 5

// steadyLocks reads the table of locks as often as needed to know its content. read
// also returns in how many parts the table came.
func steadyLocks(read func() (text []byte, parts int, err error)) (text []byte, steady bool, err error) {
	var readings [][]byte
	for len(readings) < lockReadings {
		text, parts, err := read()
		if err != nil || parts <= 1 || len(readings) > 0 && bytes.Equal(text, readings[len(readings)-1]) {
			return text, true, err
		}
		readings = append(readings, text)
	}
	return agreedLocks(readings), false, nil
}

// lockLine is a line of the table without its number, which is only its position.
// A waiter is listed below the lock that it waits for.
type lockLine struct{ lock, waiter string }

// agreedLocks returns the table with each line as often as it is in most of the readings.
func agreedLocks(readings [][]byte) []byte {
	counts := map[lockLine][]int{}
	var order []lockLine // the locks, and below each its waiters
	waiters := map[string][]lockLine{}
	for i, text := range readings {
		lock := ""
		for line := range bytes.Lines(text) {
			_, rest, _ := bytes.Cut(line, []byte(":"))
			l := lockLine{lock: string(rest)}
			if bytes.HasPrefix(bytes.TrimSpace(rest), []byte("->")) {
				l = lockLine{lock, string(rest)}
			} else {
				lock = l.lock
			}
			if counts[l] == nil {
				counts[l] = make([]int, len(readings))
				if l.waiter == "" {
					order = append(order, l)
				} else {
					waiters[lock] = append(waiters[lock], l)
				}
			}
			counts[l][i]++
		}
	}
	median := func(l lockLine) int {
		n := slices.Clone(counts[l])
		slices.Sort(n)
		return n[len(n)/2]
	}
	var text []byte
	number := int64(0)
	add := func(line string) {
		text = append(strconv.AppendInt(text, number, 10), ':')
		text = append(text, line...)
	}
	for _, l := range order {
		times := median(l)
		if times == 0 {
			continue
		}
		number++
		add(l.lock)
		for _, w := range waiters[l.lock] {
			for range median(w) {
				add(w.waiter)
			}
		}
		for range times - 1 {
			number++
			add(l.lock)
		}
	}
	return text
}
