package model

import "slices"

// Places tells where each record of a list stood in the list before it: -1 where it is
// another record or was not there. Both lists are in the order of compare; it takes no
// look at records that are the same in both. In lists that are not in order it may find
// fewer.
func Places[T any](before, after []*T, compare func(a, b *T) int) []int32 {
	return PlacesIn(nil, before, after, compare)
}

// PlacesIn is [Places] in the memory of room where it is large enough.
func PlacesIn[T any](room []int32, before, after []*T, compare func(a, b *T) int) []int32 {
	places := Matches(room, before, after, compare)
	for i := range places {
		places[i] = max(places[i], -1)
	}
	return places
}

// Matches is [Places], but also tells where a record stood of which another one took the
// place ([ChangedPlace]). The memory of room is used where it is large enough.
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

// ChangedPlace is where the record stood that another one took the place of, by what
// [Matches] tells of that; negative where there was none.
func ChangedPlace(place int32) int { return int(-2 - place) }

// SameList reports whether two lists are one and the same.
func SameList[T any](a, b []*T) bool { return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0]) }

// CompareLinks orders links as a snapshot has them. Those of one object are all made at the
// same time: none of them stays where another is new.
func CompareLinks(a, b *Link) int {
	if a.Kind != b.Kind {
		return CompareKinds(a.Kind, b.Kind)
	}
	return CompareIDs(a.Object, b.Object)
}

// CompareObjects orders objects as a snapshot has them: by kind and id.
func CompareObjects(a, b *Object) int {
	if a.Kind != b.Kind {
		return CompareKinds(a.Kind, b.Kind)
	}
	return CompareIDs(a.ID, b.ID)
}
