package events

import (
	"github.com/ipctop/ipctop/fdscan/fdinfo"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

// Signalfd reads signal descriptors.
func Signalfd() probe.Probe {
	return anonProbe(newAnonClass(model.Signalfd, false), "anon_inode:[signalfd]", parseSignalfd)
}

// parseSignalfd reads the /proc/PID/fdinfo text of a signalfd (3.8).
func parseSignalfd(text []byte) (model.Detail, error) {
	d := new(model.SignalfdDetail)
	err := fdinfo.EachField(text, func(key string, v []byte) error {
		if key != "sigmask" {
			return nil
		}
		mask, err := fdinfo.Hexadecimal(v)
		if err == nil {
			d.Signals = signalSet(mask)
		}
		return err
	})
	return d, err
}

// signalSet names the signals of a mask in which bit n-1 is signal n.
func signalSet(mask uint64) []string {
	names := []string{}
	for n := 1; n <= model.MaxSignal; n++ {
		if mask>>(n-1)&1 != 0 {
			names = append(names, model.SignalName(n))
		}
	}
	return names
}
