package model

import "slices"

// Places returns, for each record of the list after, its index in the list before; -1 if it
// was not there, or was another record. Records are the same if their addresses are; Places
// does not read these. Both lists must be in the order of compare; otherwise it may find fewer
// records.
func Places[T any](before, after []*T, compare func(a, b *T) int) []int32 {
	return PlacesIn(nil, before, after, compare)
}

// PlacesIn is [Places] with the memory of room for the result, if that is large enough.
func PlacesIn[T any](room []int32, before, after []*T, compare func(a, b *T) int) []int32 {
	places := Matches(room, before, after, compare)
	for i := range places {
		places[i] = max(places[i], -1)
	}
	return places
}

// Matches is [PlacesIn], but if a record has replaced another one (compare returns 0), the
// result also says where that one was; see [ChangedPlace].
func Matches[T any](room []int32, before, after []*T, compare func(a, b *T) int) []int32 {
	places := slices.Grow(room[:0], len(after))[:len(after)]
	i := 0
	for j, r := range after {
		places[j] = -1
		for i < len(before) && before[i] != r {
			c := compare(before[i], r)
			if c > 0 {
				break // r was not there
			}
			i++
			if c == 0 {
				places[j] = -1 - int32(i)
				break
			}
		}
		if places[j] == -1 && i < len(before) && before[i] == r {
			places[j] = int32(i)
			i++
		}
	}
	return places
}

// ChangedPlace returns the index in the list before of the record that was replaced, from
// the result of [Matches]; negative if there was none.
func ChangedPlace(place int32) int { return int(-2 - place) }

// SameList reports whether two lists are the same slice: equal length and the same address.
func SameList[T any](a, b []*T) bool { return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0]) }

// CompareLinks orders links as in a snapshot. It does not distinguish the links of one object;
// these are all made at the same time, so they are all new or all unchanged.
func CompareLinks(a, b *Link) int {
	if a.Kind != b.Kind {
		return CompareKinds(a.Kind, b.Kind)
	}
	return CompareIDs(a.Object, b.Object)
}

// CompareObjects orders objects as in a snapshot: by kind and id.
func CompareObjects(a, b *Object) int {
	if a.Kind != b.Kind {
		return CompareKinds(a.Kind, b.Kind)
	}
	return CompareIDs(a.ID, b.ID)
}
