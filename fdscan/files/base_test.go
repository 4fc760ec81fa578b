package files

import (
	"reflect"
	"testing"

	"github.com/ipctop/ipctop/model"
)

// TestBaseOfNumbers gives every number in the kernel's texts a value that would
// be different, or invalid, in another base.
func TestBaseOfNumbers(t *testing.T) {
	for name, c := range map[string]struct {
		parse func([]byte) (any, error)
		text  string
		want  any
	}{
		"terminal": {as(parseTTYIndex), "tty-index:\t12\n", model.Some(12)},
		"mount":    {as(func(b []byte) (uint64, error) { id, _ := parseMountID(b); return id, nil }), "mnt_id:\t20\n", uint64(20)},
	} {
		got, err := c.parse([]byte(c.text))
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %+v, %v\nwant %+v", name, got, err, c.want)
		}
	}
}

func as[T any](parse func([]byte) (T, error)) func([]byte) (any, error) {
	return func(b []byte) (any, error) { return parse(b) }
}
