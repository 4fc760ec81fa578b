package events

import (
	"errors"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/proc"
)

// internal is the one inode that most event descriptors share. It is read from a descriptor
// that is closed at once; 0 is unknown: no file system has this device.
type internal struct{ anonDev, anonIno uint64 }

var internals = sync.OnceValue(func() (in internal) {
	in.anonDev, in.anonIno = proc.DeviceOf(unix.Eventfd(0, unix.EFD_CLOEXEC))
	return in
})

// anonClass is a kind of descriptor without a file. Some kinds have an inode
// for each instance on newer kernels; otherwise the description is the
// identity.
type anonClass struct {
	kind          model.Kind
	byInode       *probe.KeySpace // nil: never
	byDescription *probe.KeySpace
}

func newAnonClass(kind model.Kind, ownInode bool) anonClass {
	c := anonClass{kind: kind, byDescription: &probe.KeySpace{Name: string(kind), ByDescription: true}}
	if ownInode {
		c.byInode = &probe.KeySpace{Name: string(kind) + " inode"}
	}
	return c
}

// identify makes the key and the object behind a descriptor of the class,
// without its detail.
func (c anonClass) identify(fd *probe.FD) (probe.Key, *model.Object) {
	if c.byInode != nil {
		in := internals()
		st, err := fd.Stat()
		switch {
		case err != nil:
			fd.Gap(string(c.kind), "stat", err)
		case in.anonIno == 0:
			// it is not known whether the inode is its own: do not merge by it
		case st.Ino != in.anonIno || proc.Dev(st.Dev_major, st.Dev_minor) != in.anonDev:
			k := c.inodeKey(proc.Dev(st.Dev_major, st.Dev_minor), st.Ino)
			return k, &model.Object{
				ID: string(c.kind) + ":" + strconv.FormatUint(st.Ino, 10), Kind: c.kind, Ino: model.Big(st.Ino),
				Dev: proc.DevString(k.Scope),
			}
		}
	}
	d := fd.Descriptor()
	return probe.DescriptorKey(d, c.byDescription), &model.Object{ID: d.ID(c.kind), Kind: c.kind}
}

func (c anonClass) inodeKey(dev, ino uint64) probe.Key {
	return probe.Key{Space: c.byInode, Scope: dev, Num: ino}
}

// read reads a descriptor of the class: parse makes the detail from the fdinfo
// text. It returns the object's key and the object, and false if the descriptor
// is gone.
func (c anonClass) read(fd *probe.FD, out *probe.Collector, parse func(text []byte) (model.Detail, error)) (probe.Key, *model.Object, bool) {
	k, o := c.identify(fd)
	text, err := fd.Info()
	for tries := 0; ; tries++ {
		if proc.Gone(err) {
			return k, o, false
		}
		if err != nil {
			o.Detail, _ = parse(nil)
			break
		}
		if o.Detail, err = parse(text); !errors.Is(err, errRingBusy) || tries == 3 {
			break
		}
		// ipctop itself may hold the lock, while it reads the descriptor of another holder.
		time.Sleep(200 * time.Microsecond)
		text, err = fd.Info()
	}
	if err != nil {
		fd.Gap(string(c.kind), "fdinfo", err)
	}
	h := fd.Holder()
	h.Access = fd.Access()
	out.AddHolder(k, h)
	out.Object(k, o)
	return k, o, true
}

// anonProbe is the probe of a class whose detail is all in fdinfo.
func anonProbe(c anonClass, link string, parse func([]byte) (model.Detail, error)) probe.Probe {
	return probe.Probe{
		Name: string(c.kind),
		FD: func(fd *probe.FD, out *probe.Collector) bool {
			if string(fd.Link) != link {
				return false
			}
			c.read(fd, out, parse)
			return true
		},
	}
}
