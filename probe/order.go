package probe

import (
	"cmp"
	"slices"
	"strings"

	"github.com/ipctop/ipctop/model"
)

// sortObjects orders objects by kind and id. Nearly all ids are the kind and a
// number, which is parsed once here instead of in every comparison: that would
// be a tenth of the scan.
func sortObjects(list []*Joint) {
	type entry struct {
		joint    *Joint
		number   uint64
		numbered bool
	}
	entries := make([]entry, len(list))
	for i, e := range list {
		n, ok := numberOf(e.Object)
		entries[i] = entry{e, n, ok}
	}
	slices.SortFunc(entries, func(a, b entry) int {
		x, y := a.joint.Object, b.joint.Object
		if x.Kind != y.Kind {
			return model.CompareKinds(x.Kind, y.Kind)
		}
		if a.numbered && b.numbered && a.number != b.number {
			return cmp.Compare(a.number, b.number)
		}
		return model.CompareIDs(x.ID, y.ID)
	})
	for i := range entries {
		list[i] = entries[i].joint
	}
}

// maxDigits are as many as a uint64 surely holds.
const maxDigits = 19

// numberOf is the number that follows the kind in an object's id.
func numberOf(o *model.Object) (n uint64, ok bool) {
	rest, ok := strings.CutPrefix(o.ID, string(o.Kind))
	if !ok || rest == "" || rest[0] != ':' {
		return 0, false
	}
	digits := 0
	for _, c := range []byte(rest[1:]) {
		if c < '0' || c > '9' {
			break
		}
		n = n*10 + uint64(c-'0')
		digits++
	}
	return n, digits > 0 && digits <= maxDigits
}
