package events

import (
	"fmt"
	"strconv"

	"github.com/ipctop/ipctop/fdscan/fdinfo"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/proc"
)

// eventfdIDs are the numbers the kernel gives event counters (5.2): all of them
// have one inode.
var eventfdIDs = &probe.KeySpace{Name: "eventfd id", Incremental: true}

var eventfdClass = newAnonClass(model.Eventfd, false)

// eventfdMax is the highest count; a write that would exceed it waits.
const eventfdMax = 1<<64 - 2

// Eventfd reads event counters.
func Eventfd() probe.Probe {
	return probe.Probe{
		Name: "eventfd",
		FD: func(fd *probe.FD, out *probe.Collector) bool {
			if string(fd.Link) != "anon_inode:[eventfd]" {
				return false
			}
			e, byInfo, err := eventfdOf(fd)
			if proc.Gone(err) {
				return true
			}
			if err != nil {
				fd.Gap("eventfd", "fdinfo", err)
			}
			k, o := eventfdClass.identify(fd)
			if id, ok := e.id.Get(); ok {
				k = probe.Key{Space: eventfdIDs, Num: uint64(id)}
				o.ID = "eventfd:" + strconv.FormatInt(id, 10)
			}
			o.Detail = &e.EventfdDetail
			if n, ok := e.Count.Get(); ok {
				o.Fill = model.Some(model.Ratio(float64(n) / eventfdMax))
			}
			h := fd.Holder()
			h.Access = model.ReadWrite // always (fs/eventfd.c)
			out.AddHolder(k, h)
			out.Object(k, o)
			if byInfo {
				fd.CacheableByInfo()
			} else {
				fd.CacheableByCounter()
			}
			return true
		},
	}
}

// eventfdOf reads a counter: from its fdinfo, or from the source without reading it. A
// later scan uses the same way to check that nothing has changed.
func eventfdOf(fd *probe.FD) (e eventfdInfo, byInfo bool, err error) {
	if s, known := fd.Eventfd(); known {
		e.Count, e.Semaphore = model.Some(model.Big(s.Count)), model.Some(s.Semaphore)
		if s.ID >= 0 {
			e.id = model.Some(int64(s.ID))
		}
		return e, false, nil
	}
	text, err := fd.Info()
	if err == nil {
		e, err = parseEventfd(text)
	}
	return e, true, err
}

type eventfdInfo struct {
	model.EventfdDetail
	id model.Opt[int64]
}

// parseEventfd reads the /proc/PID/fdinfo text of an eventfd (3.8; eventfd-id
// 5.2, eventfd-semaphore 6.5).
func parseEventfd(text []byte) (e eventfdInfo, err error) {
	err = fdinfo.EachField(text, func(key string, v []byte) error {
		switch key {
		case "eventfd-count":
			n, err := fdinfo.Hexadecimal(v)
			if err != nil {
				return err
			}
			e.Count = model.Some(model.Big(n))
		case "eventfd-id":
			n, err := fdinfo.Decimal(v)
			if err != nil {
				return err
			}
			if n >= 0 { // negative: the kernel had no number left
				e.id = model.Some(n)
			}
		case "eventfd-semaphore":
			switch string(v) {
			case "0", "1":
				e.Semaphore = model.Some(v[0] == '1')
			default:
				return fmt.Errorf("neither 0 nor 1")
			}
		}
		return nil
	})
	return e, err
}
