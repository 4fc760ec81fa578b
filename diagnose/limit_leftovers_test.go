package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ipctop/ipctop/model"
)

// TestLimitJoinsLeftovers: a limit that is nearly reached because of objects left behind is
// combined with them into one finding; other limits are not.
func TestLimitJoinsLeftovers(t *testing.T) {
	for _, tt := range []struct {
		name     string
		segments int
		limit    model.Limit
		joined   bool
	}{
		{"few", 3, model.Limit{Name: "kernel.shmmni", Kind: model.SysvShm, Used: model.Some[int64](9), Max: model.Some[int64](10)}, true},
		{"many", manyLeftovers + 2, model.Limit{Name: "kernel.shmmni", Kind: model.SysvShm, Used: model.Some[int64](14), Max: model.Some[int64](14)}, true},
		{"own namespace", 3, model.Limit{
			Name: "kernel.shmmni", Kind: model.SysvShm, Used: model.Some[int64](9), Max: model.Some[int64](10), Scope: &model.LimitScope{NS: 1},
		}, true},
		{"another namespace", 3, model.Limit{
			Name: "kernel.shmmni", Kind: model.SysvShm, Used: model.Some[int64](9), Max: model.Some[int64](10), Scope: &model.LimitScope{NS: 9},
		}, false},
		{"they are not the cause", 3, model.Limit{Name: "kernel.shmmni", Kind: model.SysvShm, Used: model.Some[int64](99), Max: model.Some[int64](100)}, false},
		{"another mechanism", 3, model.Limit{Name: "kernel.msgmni", Kind: model.SysvMsg, Used: model.Some[int64](9), Max: model.Some[int64](10)}, false},
		{"a limit per object", 3, model.Limit{Name: "kernel.shmmax", Kind: model.SysvShm, Used: model.Some[int64](9), Max: model.Some[int64](10)}, false},
	} {
		m := newMachine()
		m.process(5)
		for i := range tt.segments {
			m.object(fmt.Sprintf("sysv-shm:%d", i), model.SysvShm, shm(model.SysvShmDetail{}), sysv(i), func(o *model.Object) {
				o.UID, o.Namespace = model.Some(1000), &model.Namespace{Type: "ipc", Inode: 1}
			})
		}
		m.limit(tt.limit)
		near, left := m.found("limit-near"), m.found("orphan-sysv-shm")
		if len(near) != 1 {
			t.Fatalf("%s: %+v", tt.name, near)
		}
		f := near[0]
		if !tt.joined {
			if len(left) == 0 || len(f.Objects) != 0 || len(f.Actions) != 0 || len(f.Symptoms) != 0 {
				t.Errorf("%s: joined to %+v", tt.name, f)
			}
			continue
		}
		if len(left) != 0 || len(f.Objects) != tt.segments || len(f.Symptoms) == 0 || !strings.Contains(f.Summary, fmt.Sprintf("%d objects seem to be left behind", tt.segments)) {
			t.Errorf("%s: not joined: %+v, %+v", tt.name, f, left)
		}
		if len(f.Actions) != 1 || len(f.Actions[0].Argv) != 1+2*tt.segments || !slices.Contains(f.Actions[0].Argv, "2") {
			t.Errorf("%s: actions %+v", tt.name, f.Actions)
		}
	}
}
