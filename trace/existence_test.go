package trace

import (
	"fmt"
	"strings"
	"testing"
)

// object makes an event from words such as "created posix-shm /dev/shm/a id", in which "-" means empty.
func object(ms, pid int, words string) *Event {
	f := strings.Fields(strings.ReplaceAll(words, " -", " \x00"))
	word := func(i int) string {
		if i < len(f) {
			return strings.Trim(f[i], "\x00")
		}
		return ""
	}
	return &Event{
		Event: f[0], Time: after(ms), Sender: &Party{PID: pid}, Path: word(2), Object: word(3), Existence: &Existence{Of: f[1], From: word(4)},
	}
}

// TestJoinerOfObjects: the event of a removed object names its creator, and the steps in which
// a C library makes a semaphore are left out.
func TestJoinerOfObjects(t *testing.T) {
	for _, test := range []struct {
		name  string
		steps []string // each by a different process
		late  bool     // the creation is reported before the next step
		want  []string // pid, event, path, object, and creator
	}{
		{
			"by id",
			[]string{"created sysv-shm - sysv-shm:1", "removed sysv-shm - sysv-shm:1", "removed sysv-shm - sysv-shm:1"},
			false,
			[]string{"1 created sysv-shm:1", "2 removed sysv-shm:1 of 1", "3 removed sysv-shm:1"},
		},
		{
			"by path",
			[]string{"created posix-mq /a posix-mq:1", "removed posix-mq /a", "removed posix-mq /b"},
			false,
			[]string{"1 created /a posix-mq:1", "2 removed /a posix-mq:1 of 1", "3 removed /b"},
		},
		{
			"opened by two at a time",
			[]string{"created sysv-shm - sysv-shm:1", "created sysv-shm - sysv-shm:1"},
			false,
			[]string{"1 created sysv-shm:1"},
		},
		{
			"a semaphore by another name",
			[]string{"created posix-sem /dev/shm/sem.x s:1", "created posix-sem /dev/shm/sem.a - /dev/shm/sem.x", "removed posix-sem /dev/shm/sem.x"},
			false,
			[]string{"2 created /dev/shm/sem.a s:1"},
		},
		{
			"and musl's",
			[]string{"created posix-shm /dev/shm/tmp-1 s:1", "created posix-sem /dev/shm/sem.a - /dev/shm/tmp-1"},
			false,
			[]string{"2 created /dev/shm/sem.a s:1"},
		},
		{
			"which was told of",
			[]string{"created posix-sem /dev/shm/sem.x s:1", "created posix-sem /dev/shm/sem.a - /dev/shm/sem.x", "removed posix-sem /dev/shm/sem.x"},
			true,
			[]string{"1 created /dev/shm/sem.x s:1", "2 created /dev/shm/sem.a s:1", "3 removed /dev/shm/sem.x s:1 of 1"},
		},
	} {
		var j Joiner
		var ready []*Event
		for i, words := range test.steps {
			j.Existence(object(i, i+1, words))
			if test.late {
				ready = append(ready, j.Ready(after(1000), false)...)
			}
		}
		ready = append(ready, j.Ready(after(1000), false)...)
		var got []string
		for _, e := range ready {
			text := strings.Join(strings.Fields(fmt.Sprint(e.Sender.PID, " ", e.Event, " ", e.Path, " ", e.Object)), " ")
			if e.Target != nil {
				text += fmt.Sprint(" of ", e.Target.PID)
			}
			got = append(got, text)
		}
		if strings.Join(got, "\n") != strings.Join(test.want, "\n") {
			t.Errorf("%s: it tells %q, not %q", test.name, got, test.want)
		}
	}
}

// TestJoinerOfObjectsIsBounded: the oldest objects are forgotten.
func TestJoinerOfObjectsIsBounded(t *testing.T) {
	var j Joiner
	for i := range maxCreated + 10 {
		j.Existence(object(0, 1, fmt.Sprintf("created sysv-shm - sysv-shm:%d", i)))
		j.Existence(object(0, 1, fmt.Sprintf("removed sysv-shm - sysv-shm:%d", i)))
		j.Existence(object(0, 1, fmt.Sprintf("created sysv-shm - sysv-shm:%d", i)))
		j.Ready(after(1), true)
	}
	if len(j.created.byName) > maxCreated || len(j.created.order) > maxCreated {
		t.Errorf("%d objects are remembered, in an order of %d", len(j.created.byName), len(j.created.order))
	}
}
