package diagnose

import (
	"strings"
	"testing"

	"github.com/ipctop/ipctop/model"
)

func TestSessionOf(t *testing.T) {
	for _, tt := range []struct {
		comm, title, database, activity string
		waiting, ok                     bool
	}{
		{"postgres", "postgres: ann shop [local] UPDATE waiting", "shop", "UPDATE", true, true},
		{"postgres", "postgres: main: ann shop 10.0.0.7(40112) idle in transaction", "shop", "idle in transaction", false, true},
		{"postmaster", "postgres: ann shop [local] idle", "shop", "idle", false, true},
		{"postgres", "postgres: autovacuum launcher ", "", "", false, false},
		{"postgres", "postgres: autovacuum worker shop waiting", "", "", false, false},
		{"evil", "postgres: ann shop [local] UPDATE waiting", "", "", false, false},
		{"postgres", "/usr/lib/postgresql/15/bin/postgres", "", "", false, false},
	} {
		s, ok := sessionOf(&model.Process{Comm: tt.comm, Cmdline: []string{tt.title}})
		if ok != tt.ok || s.database != tt.database || s.activity != tt.activity || s.waiting != tt.waiting {
			t.Errorf("%s %q: %+v, %v", tt.comm, tt.title, s, ok)
		}
	}
}

// TestWhoHasDatabaseLock: a session that waits has an open transaction, too, and one that is idle
// may have an advisory lock.
func TestWhoHasDatabaseLock(t *testing.T) {
	for _, tt := range []struct{ other, want string }{
		{"idle in transaction", "postgres(6) is idle in transaction"},
		{"UPDATE waiting", "; all other sessions with open transactions there wait, too"},
		{"idle", "; no other session has an open transaction there: an idle one may have an advisory lock"},
	} {
		m := newMachine()
		titled := func(activity string) func(*model.Process) {
			return func(p *model.Process) {
				p.Comm, p.PPID, p.Cmdline = "postgres", 2, []string{"postgres: ann shop [local] " + activity}
			}
		}
		m.process(5, titled("UPDATE waiting")).process(6, titled(tt.other))
		m.wait(model.Wait{PID: 5, Call: "epoll_wait", Needs: model.NeedsEvent, Objects: []string{"eventfd:1"}, Timed: model.Some(false)})
		list := m.found("database-lock")
		if len(list) == 0 || !strings.HasSuffix(list[0].Summary, tt.want) {
			t.Errorf("%s: %+v", tt.other, list)
		}
	}
}
