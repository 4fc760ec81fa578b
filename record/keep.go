package record

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// Keep limits a recording by age or by size; the zero value is no limit.
type Keep struct {
	Age  time.Duration // samples are kept at least this long
	Size int64         // bytes: the file gets no larger than this plus one group
}

// ParseKeep parses a limit as people type it: 24h, 7d, 500MiB, 2GiB, 2G, 1000000.
func ParseKeep(s string) (Keep, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if n, err := strconv.ParseFloat(days, 64); err == nil && n > 0 && n < 36500 {
			return Keep{Age: time.Duration(n * float64(24*time.Hour))}, nil
		}
	}
	if age, err := time.ParseDuration(s); err == nil && age > 0 {
		return Keep{Age: age}, nil
	}
	size, err := ParseSize(s)
	if err != nil {
		return Keep{}, errors.New("it is an age, such as 24h or 7d, or a size, such as 500MiB or 2GiB")
	}
	if size < minKeep {
		return Keep{}, fmt.Errorf("a recording needs at least %d KiB", minKeep>>10)
	}
	return Keep{Size: size}, nil
}

// ParseSize parses a number of bytes as people type it: 500MiB, 2GiB, 2G, 1000000.
func ParseSize(s string) (int64, error) {
	number, unit := s, int64(1)
	for _, u := range sizeUnits {
		if rest, ok := cutSuffixFold(s, u.name); ok {
			number, unit = strings.TrimSpace(rest), u.bytes
			break
		}
	}
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || !(n > 0) || n*float64(unit) > math.MaxInt64/4 {
		return 0, errors.New("it is a size, such as 500MiB or 2GiB")
	}
	return int64(n * float64(unit)), nil
}

// minKeep is the smallest limit on the size of a recording.
const minKeep = 64 << 10

var sizeUnits = []struct {
	name  string
	bytes int64
}{
	{"KiB", 1 << 10},
	{"MiB", 1 << 20},
	{"GiB", 1 << 30},
	{"TiB", 1 << 40},
	{"KB", 1e3},
	{"MB", 1e6},
	{"GB", 1e9},
	{"TB", 1e12},
	{"K", 1 << 10},
	{"M", 1 << 20},
	{"G", 1 << 30},
	{"T", 1 << 40},
	{"B", 1},
}

func cutSuffixFold(s, suffix string) (string, bool) {
	n := len(s) - len(suffix)
	if n < 0 || !strings.EqualFold(s[n:], suffix) {
		return s, false
	}
	return s[:n], true
}

// group returns how long and how large a group may become. Only whole groups can be
// dropped, so they must be small compared with the limit.
func (k Keep) group() (time.Duration, int64) {
	longest, largest := groupTime, int64(math.MaxInt64)
	if k.Age > 0 {
		longest = min(longest, k.Age/4)
	}
	if k.Size > 0 {
		largest = k.Size / 4
	}
	return longest, largest
}

// Excess returns how many of the oldest groups must be dropped now. It is mostly 0,
// because dropping them means rewriting the rest.
func (w *Writer) Excess(now time.Time) int {
	drop := 0
	others := len(w.starts) - 1 // without the current group, which stays
	switch k := w.keep; {
	case others < 1:
	case k.Age > 0:
		// A group is needed until the next one is old enough.
		for drop < others && time.Duration(now.UnixNano()-w.starts[drop+1].taken) > k.Age {
			drop++
		}
		if time.Duration(now.UnixNano()-w.starts[0].taken) < k.Age+k.Age/4 {
			return 0
		}
	case k.Size > 0 && w.size > k.Size:
		for drop < others && w.size-w.starts[drop].at > k.Size-k.Size/4 {
			drop++
		}
	}
	return drop
}

// Drop writes the recording without its oldest groups to an empty file, and returns the
// writer for it. The caller must then replace the old file by the new one. After an
// error the old writer can still be used. src reads the old file.
func (w *Writer) Drop(groups int, to File, src io.ReaderAt) (*Writer, error) {
	from := w.starts[groups].at
	next := &Writer{
		f: to, keep: w.keep, coder: w.coder, before: w.before,
		last: w.last, lastTaken: w.lastTaken, full: w.full,
	}
	if err := next.write(appendFrame(nil, header{kind: typeFile}, nil)); err != nil {
		return nil, err
	}
	if _, err := io.Copy(to, io.NewSectionReader(src, from, w.size-from)); err != nil {
		return nil, err
	}
	if err := to.Sync(); err != nil {
		return nil, err
	}
	shift := from - next.size
	next.size, next.from = w.size-shift, max(w.from-shift, headerSize)
	for _, s := range w.starts[groups:] {
		next.starts = append(next.starts, groupStart{s.at - shift, s.taken})
	}
	for _, e := range w.group {
		if e.at -= shift; e.at >= headerSize {
			next.group = append(next.group, e)
		}
	}
	return next, nil
}
