package record

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/ipctop/ipctop/model"
)

func TestSearchesBack(t *testing.T) {
	f := &memory{}
	w, err := Create(f, Keep{})
	if err != nil {
		t.Fatal(err)
	}
	m := newMachine(3, 3)
	for i := range 300 {
		s := *m.next(5 * time.Second)
		if i == 70 || i == 71 || i == 200 {
			s.Processes = append(slices.Clone(s.Processes), &model.Process{PID: 4711, Comm: "gone"})
		}
		if i == 250 { // contains the digits as a part of another number
			s.Processes = append(slices.Clone(s.Processes), &model.Process{PID: 14711, Comm: "x47112"})
		}
		if err := w.Append(&s); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		word   string
		before int
		accept int
		want   string // the sample that is found, and those that were tried
	}{
		{"4711", 300, 200, "200 [200]"},
		{"gone", 300, 200, "200 [200]"},
		{"4711", 200, 71, "71 [71]"},
		{"4711", 300, 70, "-1 [200]"}, // 71 and 70 have the same lines as 200
		{"14711", 300, 250, "250 [250]"},
		{"4712", 300, 0, "-1 []"},
		{"4711", 70, 0, "-1 []"},
	} {
		var tried []int
		got, err := open(t, f.b).SearchBack(test.before, test.word, func(i int) (bool, error) {
			tried = append(tried, i)
			return i == test.accept, nil
		})
		if s := fmt.Sprint(got, " ", tried); err != nil || s != test.want {
			t.Errorf("%s before %d: %s, %v; want %s", test.word, test.before, s, err, test.want)
		}
	}
}
