package record

import (
	"bytes"
	"errors"
	"hash/fnv"
	"strings"
)

// SearchBack looks for the last sample before one that has something: it calls
// try for samples from there backwards until that reports true, and returns which
// one that was, -1 for none. To read them all would take minutes. So it passes
// over samples whose JSON has no line with a word in it, and those whose lines
// with the word are the same as when try was called last.
func (rec *Recording) SearchBack(before int, word string, try func(i int) (bool, error)) (int, error) {
	tried := uint64(0)
	for before > 0 {
		key := rec.entries[before-1].key
		group, found, err := rec.group(key, before, word)
		if err != nil {
			return -1, err
		}
		for i := len(group) - 1; found && i >= 0; i-- {
			sum, ok := sumWith(group[i], word)
			if !ok || sum == tried {
				continue
			}
			tried = sum
			if ok, err := try(key + i); ok || err != nil {
				return key + i, err
			}
		}
		before = key
	}
	return -1, nil
}

// group reads the samples from a whole one to the one before end, as far as they
// are not damaged, and reports whether the word is in any of them.
func (rec *Recording) group(key, end int, word string) (group [][][]byte, found bool, err error) {
	var list [][]byte
	for i := key; i < end; i++ {
		_, delta, err := rec.frame(i)
		if errors.Is(err, errDamaged) {
			break
		}
		if err != nil {
			return nil, false, err
		}
		made := [][]byte(nil)
		if i == key {
			list = lines(delta)
			made = list
		} else if list, made, err = applyDelta(list, delta); err != nil {
			break
		}
		for _, line := range made {
			found = found || hasWord(line, word)
		}
		group = append(group, list)
	}
	return group, found, nil
}

// sumWith is a hash of the lines that have a word, and whether there are any.
func sumWith(list [][]byte, word string) (uint64, bool) {
	h := fnv.New64a()
	found := false
	for _, line := range list {
		if hasWord(line, word) {
			h.Write(line)
			found = true
		}
	}
	return h.Sum64(), found
}

// hasWord reports whether a word is in a line; a number only if no digits are
// beside it.
func hasWord(line []byte, word string) bool {
	number := word != "" && strings.Trim(word, "0123456789") == ""
	for rest := line; ; {
		i := bytes.Index(rest, []byte(word))
		if i < 0 {
			return false
		}
		after := i + len(word)
		if !number || (i == 0 || !isDigit(rest[i-1])) && (after == len(rest) || !isDigit(rest[after])) {
			return true
		}
		rest = rest[after:]
	}
}
