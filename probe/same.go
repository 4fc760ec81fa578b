package probe

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"

	"github.com/ipctop/ipctop/model"
)

// Two lists of holders or peers are the same if all their records are. When a process is read
// again to check the cache, the records may come in another order.

func (h holderRecord) equal(o holderRecord) bool {
	return h.key == o.key && h.cached == o.cached && equalHolders(&h.holder, &o.holder)
}

func equalHolders(a, b *model.Holder) bool {
	if a.PID != b.PID || a.TID != b.TID || a.FD != b.FD || a.Via != b.Via || a.Access != b.Access || a.Comm != b.Comm || a.OFD != b.OFD {
		return false
	}
	x, y := a.Extent, b.Extent
	if (x == nil) != (y == nil) || (a.LockHold == nil) != (b.LockHold == nil) || a.LockHold != nil && *a.LockHold != *b.LockHold {
		return false
	}
	return x == nil || x.Object == y.Object && x.Address == y.Address && x.Offset == y.Offset && x.Size == y.Size && x.RSS == y.RSS &&
		slices.Equal(x.Flags, y.Flags)
}

// sameObject reports whether two records of an object are equal.
func sameObject(a, b *model.Object) bool {
	if !slices.EqualFunc(a.Holders, b.Holders, func(x, y model.Holder) bool { return equalHolders(&x, &y) }) {
		return false
	}
	if a.ID != b.ID || a.Gen != b.Gen || a.Kind != b.Kind || a.Host != b.Host || a.Name != b.Name || a.Path != b.Path || a.Deleted != b.Deleted ||
		a.Dev != b.Dev || a.Ino != b.Ino || a.SysvID != b.SysvID || a.UID != b.UID || a.GID != b.GID || a.Mode != b.Mode || a.Fill != b.Fill ||
		a.HoldersComplete != b.HoldersComplete || !slices.Equal(a.Aliases, b.Aliases) || !slices.Equal(a.Peers, b.Peers) {
		return false
	}
	if a.Namespace != b.Namespace && (a.Namespace == nil || b.Namespace == nil || *a.Namespace != *b.Namespace) {
		return false
	}
	return a.Detail == b.Detail || reflect.DeepEqual(a.Detail, b.Detail)
}

func (p peerRecord) equal(o peerRecord) bool {
	return p.from == o.from && p.to == o.to && p.confidence == o.confidence
}

// fullHolderKey identifies a holder of an object.
type fullHolderKey struct {
	key    Key
	holder holderKey
	access model.Access
	comm   string
}

// String describes it, for example "its fd 3 of pipefs 0:4711".
func (h fullHolderKey) String() string {
	s := string(h.holder.via)
	if h.holder.fd >= 0 {
		s += " " + strconv.Itoa(int(h.holder.fd))
	}
	return fmt.Sprintf("its %s of %s %d:%d", s, h.key.Space.Name, h.key.Scope, h.key.Num)
}

// verified reports whether a process that was read again although it has not run still
// has the same as before. If not, it emits a gap.
func (j *joined) verified(s *emitted, r *result) bool {
	if j.holderCounts == nil {
		j.holderCounts = map[fullHolderKey]int{}
	}
	counts := j.holderCounts
	clear(counts)
	j.drops++
	count := func(e *Entry) {
		if e.dropped != j.drops {
			e.dropped = j.drops
			for i := range e.held {
				if h := &e.held[i]; int(h.PID) == s.process.pid {
					counts[fullHolderKey{e.Key, holderKeyOf(h), h.Access, h.Comm}]++
				}
			}
		}
	}
	for _, e := range s.stable {
		count(e)
	}
	for i := range s.holders {
		count(s.holders[i].entry)
	}
	var again []holderRecord
	for i := range r.out.holders {
		h := &r.out.holders[i]
		counts[fullHolderKey{h.key, holderKeyOf(&h.holder), h.holder.Access, h.holder.Comm}]--
		if !h.cached {
			again = append(again, *h)
		}
	}
	for h, n := range counts {
		if n != 0 {
			r.failCheck(h.String())
			return false
		}
	}
	return slices.EqualFunc(s.holders, again, holderRecord.equal)
}
