package diagnose

import (
	"github.com/ipctop/ipctop/diagnose/graph"
	"github.com/ipctop/ipctop/model"
)

// view is a snapshot with its indexes, as the rules see it.
type view struct {
	*model.Snapshot
	Options

	graph     *graph.Graph
	steady    func(*finding) bool // reports whether a finding counts; nil: all do
	processes map[int]*model.Process
	children  map[int][]*model.Process // by parent
	waits     map[int]*model.Wait      // by thread
	waitsOf   map[int][]*model.Wait    // by process
	waitsOn   map[string][]*model.Wait // by object
	listeners map[int][]*model.Object  // by process; see [view.listenersOf]
	waited    []*model.Object          // see [view.awaited]
	allListed bool                     // the snapshot has every pid of the namespace; see [listed]
	wholeHost bool                     // … and no process outside this pid namespace
}

func newView(g *graph.Graph, o Options) *view {
	s := g.Snapshot
	v := &view{
		Snapshot: s, Options: o, graph: g, processes: g.Processes, children: g.Children, waits: g.Waits,
		waitsOf: g.WaitsOf, waitsOn: g.WaitsOn,
	}
	v.allListed, v.wholeHost = listed(s)
	return v
}

// name returns a process's name for a sentence: name(pid).
func (v *view) name(pid int) string { return v.graph.Name(pid) }

// absence returns the confidence that an object has no holders except those listed, and what
// lowers it.
func (v *view) absence(o *model.Object) (model.Confidence, []string) {
	flight := v.graph.InFlight(o)
	if o.HoldersComplete && flight == "" {
		return model.Certain, nil
	}
	lowered := []string{"holders of " + o.ID + " may be hidden"}
	if flight != "" {
		lowered[0] = flight
	}
	return model.Possible, lowered
}
