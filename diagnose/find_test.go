package diagnose

import (
	"slices"
	"testing"
	"time"

	"github.com/ipctop/ipctop/model"
)

func TestFoldKeepsOneFindingPerCause(t *testing.T) {
	one, two, three := new(model.Wait), new(model.Wait), new(model.Wait)
	list := fold([]finding{
		{Finding: model.Finding{ID: "deadlock"}, explains: []*model.Wait{one, two}},
		{Finding: model.Finding{ID: "pipe-full"}, explains: []*model.Wait{one}},
		{Finding: model.Finding{ID: "lock-wait"}, explains: []*model.Wait{two, three}}, // explains more than the deadlock does
		{Finding: model.Finding{ID: "zombies"}, explains: nil},
	})
	var ids []string
	for _, f := range list {
		ids = append(ids, f.ID)
	}
	if want := []string{"deadlock", "lock-wait", "zombies"}; !slices.Equal(ids, want) || !slices.Equal(list[0].Symptoms, []string{"pipe-full"}) {
		t.Errorf("got %v, symptoms of the first %v", ids, list[0].Symptoms)
	}
}

func TestOrderPutsTheWorstFirst(t *testing.T) {
	at := time.Unix(1700000000, 0)
	f := func(id string, s model.Severity, c model.Confidence, since time.Time) model.Finding {
		return model.Finding{ID: id, Severity: s, Confidence: c, Since: since}
	}
	list := order([]model.Finding{
		f("info", model.Info, model.Certain, at), f("young", model.Critical, model.Certain, at.Add(1)), f("doubtful", model.Critical, model.Possible, at),
		f("ageless", model.Critical, model.Certain, time.Time{}), f("old", model.Critical, model.Certain, at),
	})
	var ids []string
	for _, f := range list {
		ids = append(ids, f.ID)
	}
	if want := []string{"old", "young", "ageless", "doubtful", "info"}; !slices.Equal(ids, want) {
		t.Errorf("got %v", ids)
	}
}
