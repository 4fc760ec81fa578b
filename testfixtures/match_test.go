package testfixtures

import "testing"

func TestMatch(t *testing.T) {
	for _, tt := range []struct{ expect, actual, err string }{
		{`{}`, `{"a":1}`, ""},
		{`{"a":1}`, `{"a":1,"b":2}`, ""},
		{`{"a":1}`, `{"a":1.0}`, ""},
		{`{"a":0.25}`, `{"a":2.5e-1}`, ""},
		{`{"a":null}`, `{"a":null}`, ""},
		{`{"a":{"b":"x"}}`, `{"a":{"b":"x","c":true}}`, ""},
		{`[1,2]`, `[3,2,1]`, ""},
		{`[]`, `[1]`, ""},
		{`{"h":[{"pid":2},{"pid":1}]}`, `{"h":[{"pid":1,"fd":3},{"pid":2,"fd":3}]}`, ""},
		{`9007199254740993`, `9007199254740993`, ""},

		{`{"a":1}`, `{}`, `a: want 1, it is missing`},
		{`{"a":0}`, `{}`, `a: want 0, it is missing`},
		{`{"a":1}`, `{"a":"1"}`, `a: want 1, have "1"`},
		{`{"a":"1"}`, `{"a":1}`, `a: want "1", have 1`},
		{`{"a":false}`, `{"a":null}`, `a: want false, have null`},
		{`{"a":null}`, `{"a":{}}`, `a: want null, have {}`},
		{`{"a":{"b":1}}`, `{"a":{"b":2}}`, `a.b: want 1, have 2`},
		{`{"a":{"b":1}}`, `{"a":[]}`, `a: want {"b":1}, have []`},
		{`{"a":[1]}`, `{"a":{}}`, `a: want [1], have {}`},
		{`{"a":[1]}`, `{"a":[]}`, `a[0]: none of 0 matches 1`},
		{`{"a":[1,2]}`, `{"a":[1,3]}`, `a[1]: none of 2 matches 2`},
		{`{"h":[{"pid":2,"fd":3}]}`, `{"h":[{"pid":2,"fd":4}]}`, `h[0].fd: want 3, have 4`},
		{`1`, `2`, `value: want 1, have 2`},
		{`9007199254740993`, `9007199254740992`, `value: want 9007199254740993, have 9007199254740992`},
		{`{`, `{}`, `what is expected is not JSON: unexpected EOF`},
		{`{}`, `{} {}`, `what is there is not JSON: more than one value`},
	} {
		got := ""
		if err := Match([]byte(tt.expect), []byte(tt.actual)); err != nil {
			got = err.Error()
		}
		if got != tt.err {
			t.Errorf("Match(%s, %s)\n got %q\nwant %q", tt.expect, tt.actual, got, tt.err)
		}
	}
}
