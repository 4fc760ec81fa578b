package events

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/ipctop/ipctop/fdscan/fdinfo"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

// Timerfd reads timer descriptors.
func Timerfd() probe.Probe {
	return anonProbe(newAnonClass(model.Timerfd, false), "anon_inode:[timerfd]", parseTimerfd)
}

// clocks are the clocks a timer may run by (linux/time.h).
var clocks = map[int64]string{
	0: "CLOCK_REALTIME", 1: "CLOCK_MONOTONIC", 7: "CLOCK_BOOTTIME", 8: "CLOCK_REALTIME_ALARM", 9: "CLOCK_BOOTTIME_ALARM",
}

var timerFlags = fdinfo.FlagNames{{1, "TFD_TIMER_ABSTIME"}, {2, "TFD_TIMER_CANCEL_ON_SET"}}

// parseTimerfd reads the /proc/PID/fdinfo text of a timerfd (3.17). it_value is
// the remaining time, also for a timer that was set to an absolute time.
func parseTimerfd(text []byte) (model.Detail, error) {
	d := new(model.TimerfdDetail)
	err := fdinfo.EachField(text, func(key string, v []byte) error {
		switch key {
		case "clockid":
			n, err := fdinfo.Decimal(v)
			if err != nil {
				return err
			}
			if d.Clock = clocks[n]; d.Clock == "" {
				d.Clock = strconv.FormatInt(n, 10)
			}
		case "ticks":
			n, err := fdinfo.Decimal(v)
			if err != nil {
				return err
			}
			d.Ticks = model.Some(n)
		case "settime flags":
			n, err := strconv.ParseUint(string(v), 8, 32)
			if err != nil {
				return err
			}
			d.Flags = timerFlags.List(n)
		case "it_value", "it_interval":
			n, err := parseTimespec(v)
			if err != nil {
				return err
			}
			if key == "it_value" {
				d.Remaining = model.Some(n)
			} else {
				d.Interval = model.Some(n)
			}
		}
		return nil
	})
	return d, err
}

// parseTimespec reads "(seconds, nanoseconds)". Times longer than 292 years
// become the longest time that fits.
func parseTimespec(v []byte) (int64, error) {
	inner, ok := bytes.CutPrefix(v, []byte("("))
	inner, ok2 := bytes.CutSuffix(inner, []byte(")"))
	sec, nsec, ok3 := bytes.Cut(inner, []byte(", "))
	if !ok || !ok2 || !ok3 {
		return 0, fmt.Errorf("not (seconds, nanoseconds)")
	}
	s, err1 := fdinfo.Decimal(sec)
	n, err2 := fdinfo.Decimal(nsec)
	if err := errors.Join(err1, err2); err != nil {
		return 0, err
	}
	if s < 0 || n < 0 || n >= int64(time.Second) {
		return 0, fmt.Errorf("out of range")
	}
	if s > math.MaxInt64/int64(time.Second)-1 {
		return math.MaxInt64, nil
	}
	return s*int64(time.Second) + n, nil
}
