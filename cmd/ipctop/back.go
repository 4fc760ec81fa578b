package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/query"
)

// lookUp takes a snapshot and finds in it what the references name. In a recording without @TIME
// it searches back for the last sample in which they exist, and prints which sample that is.
func (c command) lookUp(ctx context.Context, o *options, refs []string, all bool) (*model.Snapshot, []query.Match, error) {
	if !o.reads() || o.history != "" {
		snap, err := c.snapshot(ctx, o)
		if err != nil {
			return nil, nil, err
		}
		matches, err := resolve(snap, refs, all)
		return snap, matches, err
	}
	names, err := expandFrom(o.from)
	if err != nil {
		return nil, nil, err
	}
	if len(names) > 1 {
		snap, err := c.readHosts(o, names)
		if err != nil {
			return nil, nil, err
		}
		snap.ShowOwn = o.self
		matches, err := resolve(snap, refs, all)
		return snap, matches, err
	}
	s, err := c.openFrom(o, names[0])
	if err != nil {
		return nil, nil, err
	}
	defer s.close()
	snap, err := s.snapshot(c.stderr)
	if err != nil {
		return nil, nil, err
	}
	matches, err := resolve(snap, refs, all)
	var exit *exitError
	if s.rec == nil || s.time != "" || !errors.As(err, &exit) || exit.status != exitNotFound {
		return snap, matches, err
	}
	var old *model.Snapshot
	var found error // or the error that a reference is ambiguous
	i, searchErr := s.rec.SearchBack(s.rec.Len()-1, searchWord(unnamed(snap, refs, all)), func(i int) (bool, error) {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		var err error
		if old, err = s.rec.Load(i); errors.Is(err, model.ErrMemory) {
			return false, err
		} else if err != nil {
			return false, nil // damaged: an earlier sample may do
		}
		matches, found = resolve(old, refs, all)
		return found == nil || !errors.As(found, &exit) || exit.status != exitNotFound, nil
	})
	switch {
	case searchErr != nil:
		return nil, nil, searchErr
	case i < 0:
		return snap, nil, err
	}
	var quoted []string
	for _, ref := range refs {
		quoted = append(quoted, query.Quote(ref))
	}
	fmt.Fprintf(c.stderr, "ipctop: %s is not in the last sample; this is %s, the last that had it\n", strings.Join(quoted, ", "), s.when(i))
	return old, matches, found
}

// unnamed is the first reference that matches nothing in a snapshot.
func unnamed(snap *model.Snapshot, refs []string, all bool) string {
	for _, ref := range refs {
		if _, err := find(snap, absolute(ref), all); err != nil {
			return absolute(ref)
		}
	}
	return ""
}

// searchWord is a part of a reference that must occur in the JSON of what it names: the
// first number of two digits or more, else the longest word.
func searchWord(ref string) string {
	ref = strings.TrimPrefix(ref, "/proc/")
	if hex, ok := strings.CutPrefix(strings.ToLower(ref), "0x"); ok {
		return strings.TrimLeft(hex, "0")
	}
	longest := ""
	for _, word := range strings.FieldsFunc(ref, func(r rune) bool {
		return r != '_' && r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}) {
		if len(word) > 1 && strings.Trim(word, "0123456789") == "" {
			return word
		}
		if len(word) > len(longest) {
			longest = word
		}
	}
	return longest
}
