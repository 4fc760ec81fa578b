package waitstate

import (
	"bytes"
	"strconv"
	"strings"
)

// cleanWchan is the name of a kernel function without what the compiler has added
// to it (foo.constprop.0, foo.isra.0); "" for 0, which is what those get who may
// not know.
func cleanWchan(b []byte) string {
	s := string(bytes.TrimSpace(b))
	if s == "0" {
		return ""
	}
	s, _, _ = strings.Cut(s, ".")
	return s
}

func itoa(n int) string { return strconv.Itoa(n) }
