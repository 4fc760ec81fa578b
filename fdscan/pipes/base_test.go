package pipes

import (
	"fmt"
	"reflect"
	"testing"

	"golang.org/x/sys/unix"
)

// TestBaseOfNumbers gives every number in the kernel's texts a value that would
// be different, or invalid, in another base.
func TestBaseOfNumbers(t *testing.T) {
	for name, c := range map[string]struct {
		parse func([]byte) (any, error)
		text  string
		want  any
	}{
		"call": {as(func(b []byte) (any, error) { return pipesInCall(b), nil }), fmt.Sprintf("%d 0x10 0x0 0x0 0x0 0x0 0x0 0x0 0x0", unix.SYS_READ), []pipeUse{{16, false}}},
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
