package live

import (
	"slices"
	"strings"
	"testing"
)

func TestChosenColumns(t *testing.T) {
	for spec, want := range map[string]string{
		"procs=PID,COMMAND": "PID COMMAND", "procs=+TTY": "PID USER S", "TTY,PID": "TTY PID", "procs=command,pid": "COMMAND PID",
	} {
		c := Columns{}
		if err := c.Set(spec); err != nil {
			t.Errorf("%s: %v", spec, err)
			continue
		}
		v := newView(t, Settings{Columns: c}, 120, 24)
		v.scan(undiagnosed())
		v.keys("2")
		heading := strings.Join(strings.Fields(strings.Split(v.frame(), "\n")[3])[1:], " ")
		if !strings.HasPrefix(heading, want) || strings.Contains(spec, "TTY") != strings.Contains(heading, "TTY") {
			t.Errorf("%s: %s", spec, heading)
		}
	}
	for spec, want := range map[string]string{
		"": "no column in it", "procs=": "no column in it", "+": "no column in it", "nowhere=PID": "there are overview, procs", "procs=PIDD": "did you mean PID?",
		"NOSUCH": "no screen has them all", "WAITS FOR,LASTOP": "no screen has them all",
	} {
		if err := (Columns{}).Set(spec); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", spec, err)
		}
	}
}

func TestCompleteColumns(t *testing.T) {
	for typed, want := range map[string]string{
		"so": "sock=", "lo": "locks= log=", "procs=+TT": "procs=+TTY", "procs=tt": "procs=tty", "procs=PID,COMM": "procs=PID,COMMAND", "nowhere=": "", "PID,T": "PID,THREADS",
	} {
		ways := CompleteColumns(typed)
		for _, w := range strings.Fields(want) {
			if !slices.Contains(ways, w) {
				t.Errorf("%q: %q does not offer %q", typed, ways, w)
			}
		}
		if want == "" && len(ways) > 0 {
			t.Errorf("%q: %q", typed, ways)
		}
		for _, w := range ways {
			if !strings.HasPrefix(w, typed) {
				t.Errorf("%q is completed to %q", typed, w)
			}
		}
	}
	for _, screen := range screenNames() { // every completion is accepted
		for _, w := range CompleteColumns(screen + "=") {
			if err := (Columns{}).Set(w); err != nil {
				t.Error(err)
			}
		}
	}
}
