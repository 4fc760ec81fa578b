package record

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// Moment is a time in a recording as people name it.
type Moment struct {
	at    time.Time     // if not zero: a full time; else
	clock time.Duration // if back is negative: since midnight; else
	back  time.Duration // before the last sample
	zone  *time.Location
}

// ParseMoment parses a time: RFC 3339, or the same without zone and seconds; 12:01 or
// 12:01:30, which means the last time that a clock showed that; "3m ago", which is
// relative to the last sample. A time without a zone is in the given zone. A time in whole
// seconds means the end of that second, because a sample's time is shown without fractions.
func ParseMoment(s string, zone *time.Location) (Moment, error) {
	s = strings.TrimSpace(s)
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return Moment{at: endOfSecond(t)}, nil
	}
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04"} {
		if t, err := time.ParseInLocation(layout, s, zone); err == nil {
			return Moment{at: endOfSecond(t)}, nil
		}
	}
	for _, layout := range []string{"15:04", "15:04:05"} {
		if t, err := time.Parse(layout, s); err == nil {
			return Moment{clock: t.Sub(t.Truncate(24 * time.Hour)), back: -1, zone: zone}, nil
		}
	}
	if ago, ok := strings.CutSuffix(s, "ago"); ok {
		if d, err := parseAgo(strings.TrimSpace(ago)); err == nil && d >= 0 {
			return Moment{back: d}, nil
		}
	}
	return Moment{}, errors.New(`it is a time such as 12:01, 12:01:30, 2025-03-01T12:01:30Z or "3m ago"`)
}

func endOfSecond(t time.Time) time.Time {
	if t.Nanosecond() == 0 {
		t = t.Add(time.Second - 1)
	}
	return t
}

func parseAgo(s string) (time.Duration, error) {
	if n, ok := strings.CutSuffix(s, "d"); ok {
		days, err := strconv.Atoi(n)
		return time.Duration(days) * 24 * time.Hour, err
	}
	return time.ParseDuration(s)
}

// Times are the times of a recording's samples, in order.
type Times interface {
	Len() int
	Time(i int) time.Time
	At(time.Time) int // the last one taken until then; -1 if all were later
}

// In returns the sample of a recording that shows a moment: the last one taken until
// then; -1 if the recording begins later. late reports whether the moment is after the last
// sample. There must be at least one sample.
func (m Moment) In(rec Times) (i int, late bool) {
	last := rec.Time(rec.Len() - 1)
	t := m.at
	switch {
	case !m.at.IsZero():
	case m.back < 0:
		local := last.In(m.zone)
		at := func(back int) time.Time {
			return time.Date(local.Year(), local.Month(), local.Day()-back, int(m.clock/time.Hour), int(m.clock/time.Minute%60), int(m.clock/time.Second%60), 0, m.zone)
		}
		if t = at(0); t.After(last) {
			t = at(1)
		}
		t = endOfSecond(t)
	default:
		t = last.Add(-m.back)
	}
	return rec.At(t), t.Truncate(time.Second).After(last)
}
