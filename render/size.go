package render

import (
	"strconv"
	"time"

	"github.com/ipctop/ipctop/model"
)

// Unknown is shown for a value that could not be read. It is never shown as 0. A value that
// does not apply is blank.
const Unknown = "?"

// Size returns a number of bytes for people: 812, 64K, 1.5M.
func Size(n int64) string {
	if n < 0 {
		return strconv.FormatInt(n, 10)
	}
	const units = "KMGTPE"
	if n < 1024 {
		return strconv.FormatInt(n, 10)
	}
	unit, v := 0, float64(n)/1024
	// 1023.96K would be rounded to 1024.0K, so it becomes 1M.
	for unit < len(units)-1 && v >= 1023.95 {
		v /= 1024
		unit++
	}
	text := strconv.FormatFloat(v, 'f', 1, 64)
	if v >= 99.95 || text[len(text)-1] == '0' {
		text = strconv.FormatFloat(v, 'f', 0, 64)
	}
	return text + units[unit:unit+1]
}

// OptSize is [Size] of a value that may be unknown.
func OptSize(o model.Opt[int64]) string {
	if n, ok := o.Get(); ok {
		return Size(n)
	}
	return Unknown
}

// Duration returns a duration for people, in at most two units: 850ms, 41s, 3m12s, 2d4h.
func Duration(d time.Duration) string {
	if d < 0 {
		return "-" + Duration(-d)
	}
	switch {
	case d < time.Microsecond:
		return strconv.FormatInt(int64(d), 10) + "ns"
	case d < time.Millisecond:
		return strconv.FormatInt(int64(d/time.Microsecond), 10) + "us"
	case d < time.Second:
		return strconv.FormatInt(int64(d/time.Millisecond), 10) + "ms"
	}
	s := int64(d / time.Second)
	two := func(big int64, bigUnit string, small int64, smallUnit string) string {
		text := strconv.FormatInt(big, 10) + bigUnit
		if small > 0 {
			text += strconv.FormatInt(small, 10) + smallUnit
		}
		return text
	}
	switch {
	case s < 60:
		return strconv.FormatInt(s, 10) + "s"
	case s < 3600:
		return two(s/60, "m", s%60, "s")
	case s < 86400:
		return two(s/3600, "h", s%3600/60, "m")
	case s < 365*86400:
		return two(s/86400, "d", s%86400/3600, "h")
	}
	return two(s/(365*86400), "y", s%(365*86400)/86400, "d")
}

// Age returns how long before now something was; [Unknown] for the zero time.
func Age(now, then time.Time) string {
	if then.IsZero() {
		return Unknown
	}
	if then.After(now) { // the clocks of this machine and of the dump may differ
		return "0s"
	}
	return Duration(now.Sub(then))
}
