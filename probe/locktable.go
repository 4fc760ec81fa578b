package probe

import (
	"bytes"
	"slices"
	"strconv"
	"sync"
)

// LockTable is the text of /proc/locks (proc_locks(5)). It is read once a scan: the kernel
// stops all locking of files on the machine for that, and waits about ten milliseconds
// until everybody has noticed.
//
// Where it is longer than a page the kernel gives it in parts, and looks for the place of
// each by counting from the beginning: what is locked or unlocked meanwhile makes it repeat or
// leave out others' locks. So such a table is read again until it is the same twice. If it
// never is, what most readings say holds, and steady is false.
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

// lockReadings is how often the table of locks is read at the most.
const lockReadings = 5

// steadyLocks reads the table of locks as often as it takes to know what is in it. read
// tells also in how many parts it came.
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

// lockLine is a line of the table without its number, which is its place. A waiter
// stands below the lock that it waits for.
type lockLine struct{ lock, waiter string }

// agreedLocks is the table in which each line is as often as in most of the readings.
func agreedLocks(readings [][]byte) []byte {
	counts := map[lockLine][]int{}
	var order []lockLine // the locks, and below each who waits for it
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
