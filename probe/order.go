package probe

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/ipctop/ipctop/model"
)

// sortObjects orders objects by kind and id. Nearly all ids are the kind and a
// number, which is parsed once here instead of in every comparison: that would
// be a tenth of the scan. So would be to compare kinds again and again.
func sortObjects(list []*Entry) {
	type entry struct {
		number   uint64
		numbered bool
		entry    *Entry
	}
	byKind := map[model.Kind][]entry{}
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

// ordering is where an object was put among the others, by what.
type ordering struct {
	id       string
	kind     model.Kind
	number   uint64
	numbered bool
	in       int // the last snapshot that it was in
}

func orderingOf(o *model.Object) ordering {
	n, ok := numberOf(o)
	return ordering{id: o.ID, kind: o.Kind, number: n, numbered: ok}
}

func (a *ordering) compare(b *ordering) int {
	if a.kind != b.kind {
		return model.CompareKinds(a.kind, b.kind)
	}
	if a.numbered && b.numbered && a.number != b.number {
		return cmp.Compare(a.number, b.number)
	}
	return model.CompareIDs(a.id, b.id)
}

// note notes an object that is new, or may be another than it was.
func (j *joined) note(e *Entry) {
	if e.Object == nil {
		return
	}
	if kinds := j.kinds[e.Key.Space]; e.Key.Space.Incremental && !slices.Contains(kinds, e.Object.Kind) {
		j.kinds[e.Key.Space] = append(kinds, e.Object.Kind)
	}
	j.news = append(j.news, e)
}

// inOrder lists all objects in the order of the document: those that were in the last
// snapshot are in order.
func (j *joined) inOrder(idx *Index) []*Entry {
	var more []*Entry
	number := idx.Scan.number
	list := j.order[:0]
	for _, e := range j.order {
		switch {
		case e.left || !e.listed():
		case e.ordered.id == e.Object.ID && e.ordered.kind == e.Object.Kind:
			e.ordered.in = number
			list = append(list, e)
		default:
			j.news = append(j.news, e)
		}
	}
	clear(j.order[len(list):])
	for _, e := range j.news {
		if e.listed() && e.ordered.in != number {
			e.ordered = orderingOf(e.Object)
			e.ordered.in = number
			more = append(more, e)
		}
	}
	clear(j.news)
	j.news = j.news[:0]
	sortObjects(more)
	if len(list) == 0 {
		list = more
	} else if len(more) > 0 {
		list = merge(list, more)
	}
	j.order = list
	return list
}

func merge(a, b []*Entry) []*Entry {
	list := make([]*Entry, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if a[0].ordered.compare(&b[0].ordered) <= 0 {
			list, a = append(list, a[0]), a[1:]
		} else {
			list, b = append(list, b[0]), b[1:]
		}
	}
	return append(append(list, a...), b...)
}
