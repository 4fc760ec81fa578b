package record

import (
	"bytes"
	"errors"
	"hash/fnv"
	"strings"
)

// SearchBack searches backwards for a sample before a given one: it calls try for the
// samples until try reports true, and returns that sample; -1 if there is none. To read
// all samples would take minutes. So it skips samples whose JSON has no line with the
// word, and samples whose lines with the word are the same as in the last call of try.
func (rec *Recording) SearchBack(before int, word string, try func(i int) (bool, error)) (int, error) {
	tried := uint64(0)
	for before > 0 {
		key := rec.entries[before-1].key
		sums, err := rec.sums(key, before, word)
		if err != nil {
			return -1, err
		}
		for i := len(sums) - 1; i >= 0; i-- {
			if !sums[i].found || sums[i].sum == tried {
				continue
			}
			tried = sums[i].sum
			if ok, err := try(key + i); ok || err != nil {
				return key + i, err
			}
		}
		before = key
	}
	return -1, nil
}

// wordSum is a hash of the lines of a sample that contain a word.
type wordSum struct {
	sum   uint64
	found bool // there are such lines
}

// sums returns the hashes for the samples from a whole one to the one before end, up to the
// first damaged one; none if no sample contains the word.
func (rec *Recording) sums(key, end int, word string) ([]wordSum, error) {
	found := false
	err := rec.walk(key, end, func(_, made [][]byte) bool {
		for _, line := range made {
			found = found || hasWord(line, word)
		}
		return !found
	})
	if err != nil || !found {
		return nil, err
	}
	var sums []wordSum
	err = rec.walk(key, end, func(list, _ [][]byte) bool {
		sum, ok := sumWith(list, word)
		sums = append(sums, wordSum{sum, ok})
		return true
	})
	return sums, err
}

// walk reads the samples from a whole one to the one before end, until one is damaged or
// visit reports false. made are the lines that the sample before did not have.
func (rec *Recording) walk(key, end int, visit func(list, made [][]byte) bool) error {
	var list [][]byte
	for i := key; i < end; i++ {
		_, p, err := rec.frame(i)
		var made [][]byte
		switch {
		case err != nil:
		case i == key:
			list, err = rec.dec.most.lines(p)
			made = list
		default:
			list, made, err = applyDelta(list, p, rec.dec.most)
		}
		if errors.Is(err, errDamaged) || errors.Is(err, errDelta) {
			return nil
		}
		if err != nil {
			return err
		}
		if !visit(list, made) {
			return nil
		}
	}
	return nil
}

// sumWith returns a hash of the lines that contain a word, and whether there are any.
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

// hasWord reports whether a line contains a word; a number must not be a part of a longer
// one.
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
