package testfixtures

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"
)

// Match checks that one JSON value contains another. Each key of an object in expect must
// be in the corresponding object of actual, with a matching value. Each element of a list
// in expect must match some element of the actual list, in any order. Numbers are compared
// by value. The error says where the values differ.
func Match(expect, actual []byte) error {
	want, err := parse(expect)
	if err != nil {
		return fmt.Errorf("what is expected is not JSON: %w", err)
	}
	have, err := parse(actual)
	if err != nil {
		return fmt.Errorf("what is there is not JSON: %w", err)
	}
	return match("", want, have)
}

func parse(b []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber() // no rounding
	if err = d.Decode(&v); err == nil && d.More() {
		err = errors.New("more than one value")
	}
	return v, err
}

func match(path string, want, have any) error {
	switch w := want.(type) {
	case map[string]any:
		h, ok := have.(map[string]any)
		if !ok {
			return differ(path, want, have)
		}
		for _, key := range slices.Sorted(maps.Keys(w)) {
			at := join(path, key)
			v, ok := h[key]
			if !ok {
				return fmt.Errorf("%s: want %s, it is missing", at, text(w[key]))
			}
			if err := match(at, w[key], v); err != nil {
				return err
			}
		}
		return nil
	case []any:
		h, ok := have.([]any)
		if !ok {
			return differ(path, want, have)
		}
		for i, elem := range w {
			if err := matchSome(fmt.Sprintf("%s[%d]", path, i), elem, h); err != nil {
				return err
			}
		}
		return nil
	case json.Number:
		if h, ok := have.(json.Number); ok && equal(w, h) {
			return nil
		}
	default: // string, bool, nil
		if want == have {
			return nil
		}
	}
	return differ(path, want, have)
}

// matchSome looks for a matching element. If only one element is a candidate, the error
// says what is wrong with it.
func matchSome(path string, want any, list []any) error {
	var last error
	for _, have := range list {
		if last = match(path, want, have); last == nil {
			return nil
		}
	}
	if len(list) == 1 {
		return last
	}
	return fmt.Errorf("%s: none of %d matches %s", path, len(list), text(want))
}

func equal(a, b json.Number) bool {
	x, ok1 := new(big.Rat).SetString(a.String())
	y, ok2 := new(big.Rat).SetString(b.String())
	return ok1 && ok2 && x.Cmp(y) == 0
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func differ(path string, want, have any) error {
	if path == "" {
		path = "value"
	}
	return fmt.Errorf("%s: want %s, have %s", path, text(want), text(have))
}

// text is a value as JSON, truncated if it is long.
func text(v any) string {
	b, _ := json.Marshal(v)
	if len(b) > 120 {
		return string(b[:117]) + "..."
	}
	return string(b)
}
