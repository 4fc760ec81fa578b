package diagnose

import (
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
