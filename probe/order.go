package probe

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/ipctop/ipctop/model"
)

// sortObjects orders objects by kind and id. Nearly all ids are the kind and a
// number. The number is parsed here once, because parsing it in every
// comparison would take a tenth of the scan. So would comparing the kinds each
// time.
func sortObjects(list []*Entry) {
	type entry struct {
		number   uint64
		numbered bool
		entry    *Entry
	}
	kinds := map[model.Kind]int{}
	for _, e := range list {
		kinds[e.Object.Kind]++
	}
	byKind := make(map[model.Kind][]entry, len(kinds))
	for kind, n := range kinds {
		byKind[kind] = make([]entry, 0, n)
	}
	for _, e := range list {
		n, ok := numberOf(e.Object)
		byKind[e.Object.Kind] = append(byKind[e.Object.Kind], entry{n, ok, e})
	}
	list = list[:0]
	for _, kind := range slices.SortedFunc(maps.Keys(byKind), model.CompareKinds) {
		entries := byKind[kind]
		slices.SortFunc(entries, func(a, b entry) int {
			if a.numbered && b.numbered && a.number != b.number {
				return cmp.Compare(a.number, b.number)
			}
			return model.CompareIDs(a.entry.Object.ID, b.entry.Object.ID)
		})
		for i := range entries {
			list = append(list, entries[i].entry)
		}
	}
}

// maxDigits is the number of digits that always fit into a uint64.
const maxDigits = 19

// numberOf returns the number that follows the kind in an object's id.
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

// note notes which kinds of objects a space has had.
func (j *joined) note(e *Entry) {
	if e.Object == nil || !e.Key.Space.Incremental {
		return
	}
	if kinds := j.kinds[e.Key.Space]; !slices.Contains(kinds, e.Object.Kind) {
		j.kinds[e.Key.Space] = append(kinds, e.Object.Kind)
	}
}
