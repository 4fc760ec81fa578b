package leak

import (
	"fmt"
	"strconv"

	"github.com/ipctop/ipctop/model"
)

// object says whether an object outlives the processes that use it, and who
// made it.
func (f *finder) object(o *model.Object) (Leak, bool) {
	t := Leak{Kind: o.Kind, ID: o.ID, Name: o.Name}
	switch d := o.Detail.(type) {
	case *model.SysvShmDetail:
		t.Name, t.Size = d.Key, d.Size
		return t, f.sysv(&t, o, "-m", []pidFact{{"created by", d.CreatorPID}, {"last attached or detached by", d.LastPID}})
	case *model.SysvMsgDetail:
		t.Name, t.Size = d.Key, d.Bytes
		return t, f.sysv(&t, o, "-q", []pidFact{{"last sent to by", d.LastSendPID}, {"last received from by", d.LastRecvPID}})
	case *model.SysvSemDetail:
		t.Name = d.Key
		var facts []pidFact
		for _, s := range d.Sems {
			facts = append(facts, pidFact{"last changed by", s.LastPID})
		}
		return t, f.sysv(&t, o, "-s", facts)
	case *model.PosixMqDetail:
		return t, f.named(&t, o, o.Name)
	case *model.PosixSemDetail:
		return t, f.named(&t, o, o.Path)
	case *model.MemoryDetail:
		if o.Kind != model.PosixShm {
			return t, false // it disappears with its holders
		}
		t.Size = d.Allocated
		return t, f.named(&t, o, o.Path)
	}
	return t, false
}

// pidFact is a pid that the kernel stores with a System V object.
type pidFact struct {
	relation string
	pid      model.Opt[int]
}

// sysv fills in who made a System V object. It is false if another process made
// it.
func (f *finder) sysv(t *Leak, o *model.Object, flag string, facts []pidFact) bool {
	if id, ok := o.SysvID.Get(); ok && !f.command.Isolated && f.ownNamespace(o) {
		t.Remove = []string{"ipcrm", flag, strconv.Itoa(id)}
	}
	foreign := false
	for _, fact := range facts {
		pid, ok := fact.pid.Get()
		switch {
		case !ok || pid == 0:
		case f.command.PIDs[pid]:
			t.PID, t.Confidence, t.Why = pid, model.Certain, fmt.Sprintf("%s process %d of the command", fact.relation, pid)
			return true
		case f.others[pid] || f.command.Complete:
			foreign = true // of another process, or of one that has ended and was not a descendant of the command
		case t.PID == 0:
			t.PID = pid
			t.Why = fmt.Sprintf("%s process %d, which has ended and may have been a descendant", fact.relation, pid)
		}
	}
	if f.command.Isolated && f.ownNamespace(o) {
		t.Confidence, t.Why = model.Certain, "it is in the command's own IPC namespace"
		return true
	}
	if foreign {
		return false
	}
	if t.Why == "" {
		t.Why = "it appeared while the command ran; the kernel does not record who made it"
	}
	t.Confidence = model.Possible
	return f.ownNamespace(o)
}

// named fills in who made an object with a name in a file system. The kernel records
// only the owner of such an object. name is the text of a descriptor's link.
func (f *finder) named(t *Leak, o *model.Object, name string) bool {
	t.PID = f.descendantHolding(o)
	path := o.Path
	if o.Kind == model.PosixMq {
		path = "" // the mqueue file system may be mounted anywhere
	}
	if path != "" && f.ownNamespace(o) {
		t.Remove = []string{"rm", "--", path}
	}
	uid, known := o.UID.Get()
	switch {
	case t.PID != 0:
		t.Confidence, t.Why = model.Certain, "a descendant of the command has it open or mapped"
	case f.command.Isolated && o.Kind == model.PosixMq && f.ownNamespace(o):
		t.Confidence, t.Why, t.Remove = model.Certain, "it is in the command's own IPC namespace", nil
	case !f.ownNamespace(o):
		return false
	case f.command.Held[name]:
		t.Confidence, t.Why = model.Certain, "a descendant of the command had it open or mapped"
	case heldBy(o, func(pid int) bool { return f.others[pid] }):
		return false // it belongs to another process
	case known && uid != f.command.UID:
		t.Confidence, t.Why = model.Possible, fmt.Sprintf("it appeared while the command ran, but belongs to user %d", uid)
	default:
		t.Confidence, t.Why = model.Likely, "it appeared while the command ran, under the same user, and nobody else has it open"
	}
	return true
}

func (f *finder) descendantHolding(o *model.Object) int {
	for _, h := range o.Holders {
		if f.alive[int(h.PID)] {
			return int(h.PID)
		}
	}
	return 0
}

// ownNamespace reports whether an object is in ipctop's own namespace: for commands, the
// same name or id means another object in another namespace.
func (f *finder) ownNamespace(o *model.Object) bool {
	return o.Namespace == nil || o.Namespace.Inode == f.after.Host.Namespaces[o.Namespace.Type]
}
