package query

import (
	"cmp"
	"slices"
	"strings"

	"github.com/ipctop/ipctop/model"
)

// Closest returns the first of [Nearest]; "" if no word is similar.
func Closest(word string, words []string) string {
	if near := Nearest(word, words); len(near) > 0 {
		return near[0]
	}
	return ""
}

// Nearest lists the words that somebody who typed word may have meant, best
// first: those that contain it, and those a few letters away.
func Nearest(word string, words []string) []string {
	type scored struct {
		word     string
		distance int
	}
	if word == "" || len(word) > maxTyped {
		return nil
	}
	limit := min(2, (len(word)+1)/3)
	lower := strings.ToLower(word)
	seen := map[string]bool{word: true, "": true}
	var list []scored
	for _, w := range words {
		if seen[w] || len(w) > maxTyped {
			continue
		}
		seen[w] = true
		candidate := strings.ToLower(w)
		d := limit + 1
		if delta := len(candidate) - len(lower); delta <= limit && -delta <= limit {
			d = distance(lower, candidate, limit)
		}
		if d > limit && (len(word) < 3 || !strings.Contains(candidate, lower)) {
			continue
		}
		list = append(list, scored{w, d})
	}
	slices.SortStableFunc(list, func(a, b scored) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), model.CompareIDs(a.word, b.word))
	})
	var near []string
	for _, s := range list[:min(len(list), maxNear)] {
		near = append(near, s.word)
	}
	return near
}

// maxTyped is the longest word that is compared letter by letter.
const maxTyped = 256

// distance returns how many letters must be inserted, deleted, replaced or swapped with
// their neighbour to turn a into b; limit+1 if more than limit.
func distance(a, b string, limit int) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		best := row[0]
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
			best = min(best, row[j])
		}
		if best > limit {
			return limit + 1
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
