package diagnose

import (
	"fmt"
	"testing"

	"github.com/ipctop/ipctop/diagnose/graph"
	"github.com/ipctop/ipctop/model"
)

// TestLeftoversFold: many objects of one user become one finding, few stay separate
// findings, and objects of another user are not included.
func TestLeftoversFold(t *testing.T) {
	m := newMachine()
	semaphores := func(from, n, uid int) {
		for i := range n {
			m.object(fmt.Sprintf("sysv-sem:%d", from+i), model.SysvSem, &model.SysvSemDetail{Sems: []model.Sem{{}}}, func(o *model.Object) {
				o.UID, o.SysvID = model.Some(uid), model.Some(from+i)
			})
		}
	}
	semaphores(100, manyLeftovers+2, 1000)
	semaphores(200, 3, 1001)
	v := newView(graph.New(model.NewIndex(&m.Snapshot)), Options{})
	rule := Rule{ID: "orphan-sysv-sem"}
	var found []finding
	for i := range m.Objects {
		o := m.Objects[i]
		found = append(found, finding{Finding: model.Finding{Objects: []string{o.ID}, Summary: o.ID, Actions: v.ipcrm(o, "-s")}})
	}
	list := v.foldLeftovers(&rule, found)
	if len(list) != 4 || len(list[0].Objects) != manyLeftovers+2 {
		t.Fatalf("%d findings, the first of %v", len(list), list[0].Objects)
	}
	if a := list[0].Actions; len(a) != 1 || len(a[0].Argv) != 1+2*(manyLeftovers+2) || a[0].Argv[len(a[0].Argv)-1] != "111" {
		t.Errorf("actions %v", a)
	}
	if rule.ID = "zombies"; len(v.foldLeftovers(&rule, found)) != len(found) {
		t.Error("what nobody left behind is folded")
	}
}

func TestOrderOfFindings(t *testing.T) {
	blocked := []model.Step{{PID: 1}}
	list := order([]model.Finding{
		{ID: "left", Rule: "orphan-sysv-shm", Severity: model.Warning, Confidence: model.Certain},
		{ID: "limit", Rule: "limit-near", Severity: model.Warning, Confidence: model.Certain},
		{ID: "one", Rule: "lock-wait", Severity: model.Warning, Confidence: model.Likely, Chain: blocked, Victims: []int{1}},
		{ID: "three", Rule: "lock-wait", Severity: model.Warning, Confidence: model.Likely, Chain: blocked, Victims: []int{1, 2, 3}},
		{ID: "worst", Rule: "mutex-owner-dead", Severity: model.Critical, Confidence: model.Likely},
	})
	for i, want := range []string{"worst", "three", "one", "limit", "left"} {
		if list[i].ID != want {
			t.Errorf("place %d has %s, want %s", i, list[i].ID, want)
		}
	}
}
