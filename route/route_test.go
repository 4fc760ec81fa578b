package route

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ipctop/ipctop/model"
)

// way returns a way as a line: pids, and objects with the direction.
func way(steps []Step) string {
	var b strings.Builder
	for i, s := range steps {
		if i == 0 {
			fmt.Fprint(&b, s.From)
		}
		arrow := map[[2]bool]string{{true, false}: ">", {false, true}: "<", {true, true}: "="}[[2]bool{s.Forth, s.Back}]
		fmt.Fprintf(&b, " %s%s %d", arrow, s.Link.Object, s.To)
	}
	return b.String()
}

func TestFind(t *testing.T) {
	s := &model.Snapshot{
		Processes: []*model.Process{{PID: 9, Self: true}},
		Links: []*model.Link{
			{Object: "pipe:1", Kind: model.Pipe, From: []int{1}, To: []int{2}},
			{Object: "unix:1", Kind: model.Unix, From: []int{2}, To: []int{3}, BothWays: true},
			{Object: "pipe:2", Kind: model.Pipe, From: []int{4}, To: []int{3}},
			{Object: "file:1", Kind: model.File, From: []int{1, 4}, To: []int{1, 4}, BothWays: true},
			{Object: "file:2", Kind: model.File, From: []int{6}, To: []int{5}},
			{Object: "file:2", Kind: model.File, From: []int{4}, To: []int{5}},
			{Object: "unix:2", Kind: model.Unix, From: []int{1}, To: []int{9}, BothWays: true},
			{Object: "unix:3", Kind: model.Unix, From: []int{9}, To: []int{7}, BothWays: true},
			{Object: "sysv-msg:1", Kind: model.SysvMsg, From: []int{10, 11}, To: []int{10, 11, 12}, BothWays: true},
		},
	}
	for _, tt := range []struct {
		from, to []int
		want     string
	}{
		{[]int{1}, []int{2}, "1 >pipe:1 2"},
		{[]int{2}, []int{1}, "2 <pipe:1 1"},
		{[]int{1}, []int{4}, "1 >pipe:1 2 =unix:1 3 <pipe:2 4"}, // shorter than the way through the file that they share
		{[]int{4}, []int{1}, "4 >pipe:2 3 =unix:1 2 <pipe:1 1"},
		{[]int{6}, []int{4}, "6 >file:2 5 <file:2 4"},
		{[]int{1}, []int{7}, ""}, // no way leads through ipctop itself
		{[]int{1}, []int{99}, ""},
		{[]int{10}, []int{12}, "10 =sysv-msg:1 12"},
		{[]int{10}, []int{11}, "10 =sysv-msg:1 11"},
		{[]int{1, 3}, []int{2, 4}, "3 <pipe:2 4"},
	} {
		steps, ok := Find(s, tt.from, tt.to)
		if got := way(steps); got != tt.want && !(len(tt.from) > 1 && len(steps) == 1) || !ok {
			t.Errorf("%v to %v: %q %v, want %q", tt.from, tt.to, got, ok, tt.want)
		}
	}
	if _, ok := Find(s, []int{1, 2}, []int{2}); ok {
		t.Error("a way from a process to itself")
	}
}

// TestFindIsLinear: every process has every queue, but each queue is walked only once.
func TestFindIsLinear(t *testing.T) {
	s := &model.Snapshot{}
	var all []int
	for pid := 1; pid <= 300; pid++ {
		all = append(all, pid)
	}
	for i := range 300 {
		s.Links = append(s.Links, &model.Link{Object: fmt.Sprintf("sysv-msg:%d", i), Kind: model.SysvMsg, From: all, To: all, BothWays: true})
	}
	if steps, _ := Find(s, []int{1}, []int{300}); len(steps) != 1 {
		t.Errorf("%d steps", len(steps))
	}
	if steps, ok := Find(s, []int{1}, []int{3000}); len(steps) != 0 || !ok {
		t.Errorf("%d steps to nobody", len(steps))
	}
}
