package diagnose_test

import (
	"strings"
	"testing"
	"time"

	"github.com/ipctop/ipctop/diagnose"
	"github.com/ipctop/ipctop/fleet"
	"github.com/ipctop/ipctop/model"
)

// farHost returns the snapshot of a host with one process that holds the sockets.
func farHost(name, state string, findings []model.Finding, sockets ...model.InetDetail) fleet.Member {
	s := &model.Snapshot{
		Schema: model.Schema, Taken: time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC), Gaps: []model.Gap{}, Limits: []model.Limit{}, Waits: []model.Wait{}, Findings: findings,
		Host: model.Host{Hostname: name, BootID: name, Namespaces: map[string]uint64{"net": 4026531840}},
		Processes: []*model.Process{{
			PID: 31, Comm: name, Label: name, State: state, Threads: 1, Namespaces: map[string]uint64{"net": 4026531840}, Signals: &model.Signals{Caught: []string{}},
		}},
	}
	for i, d := range sockets {
		s.Objects = append(s.Objects, &model.Object{
			ID: "tcp:" + string(rune('1'+i)), Kind: model.TCP, HoldersComplete: true, Namespace: &model.Namespace{Type: "net", Inode: 4026531840},
			Holders: []model.Holder{{PID: 31, Comm: name, Via: model.ViaFD, FD: model.Some(int32(3 + i))}}, Peers: []model.Peer{}, Detail: &d,
		})
	}
	if state == "S" {
		s.Waits = append(s.Waits, model.Wait{
			PID: 31, TID: 31, Comm: name, Call: "read", Needs: model.NeedsData, Object: "tcp:1", Timed: model.Some(false),
			BlockedFor: model.Some(int64(time.Minute)), Confirmed: true, Blockers: []model.Blocker{},
		})
	}
	return fleet.Member{Source: name, Snapshot: s}
}

func together(t *testing.T, members ...fleet.Member) *model.Snapshot {
	t.Helper()
	s, err := fleet.Merge(members)
	if err != nil {
		t.Fatal(err)
	}
	diagnose.RunHosts(s, diagnose.Defaults())
	return s
}

// TestConnectionWaitsAtAnotherHost: if a server was stopped before it accepted a connection,
// all that its host shows is that the queue is not empty.
func TestConnectionWaitsAtAnotherHost(t *testing.T) {
	client := model.InetDetail{State: "ESTAB", Local: "10.0.0.1:4000", Remote: "10.0.0.2:80"}
	listener := model.InetDetail{State: "LISTEN", Local: "0.0.0.0:80", Backlog: model.Some(int64(1)), BacklogMax: model.Some(int64(5))}
	server := farHost("server", "T", []model.Finding{}, listener)
	server.Snapshot.Host.Addresses = []string{"10.0.0.2"}
	s := together(t, farHost("client", "S", []model.Finding{}, client), server)
	if len(s.Findings) != 1 || s.Findings[0].Rule != "holder-stopped" || s.Findings[0].Host != "server" || s.Findings[0].Confidence != model.Likely {
		t.Errorf("findings %+v", s.Findings)
	}

	// Nothing waits to be accepted there: this connection does not, either.
	listener.Backlog = model.Some(int64(0))
	server = farHost("server", "T", []model.Finding{}, listener)
	server.Snapshot.Host.Addresses = []string{"10.0.0.2"}
	if s := together(t, farHost("client", "S", []model.Finding{}, client), server); len(s.Findings) > 0 {
		t.Errorf("findings %+v", s.Findings)
	}

	// Two hosts have the address: it is not known which is meant.
	listener.Backlog = model.Some(int64(1))
	server, other := farHost("server", "T", []model.Finding{}, listener), farHost("other", "S", []model.Finding{})
	server.Snapshot.Host.Addresses, other.Snapshot.Host.Addresses = []string{"10.0.0.2"}, []string{"10.0.0.2"}
	other.Snapshot.Host.Namespaces["net"] = 4026531999
	if s := together(t, farHost("client", "S", []model.Finding{}, client), server, other); len(s.Findings) > 0 {
		t.Errorf("findings %+v", s.Findings)
	}
}

// TestHostsOwnFindings: a host's finding about a part of a chain is a symptom of the whole
// chain; other findings stay.
func TestHostsOwnFindings(t *testing.T) {
	client := model.InetDetail{State: "ESTAB", Local: "10.0.0.1:4000", Remote: "10.0.0.2:80"}
	server := model.InetDetail{State: "ESTAB", Local: "10.0.0.2:80", Remote: "10.0.0.1:4000"}
	part := model.Finding{
		ID: "socket-full,tcp:1", Rule: "socket-full", Severity: model.Warning, Confidence: model.Likely, Summary: "client waits",
		PIDs: []int{31}, Victims: []int{31}, Chain: []model.Step{{PID: 31, TID: 31, Comm: "client", Object: "tcp:1"}}, Objects: []string{"tcp:1"},
	}
	own := model.Finding{ID: "limit-near", Rule: "limit-near", Severity: model.Warning, Summary: "a limit", Objects: []string{}}
	s := together(t, farHost("client", "S", []model.Finding{part, own}, client), farHost("server", "T", []model.Finding{}, server))
	if len(s.Findings) != 2 || s.Findings[0].Rule != "holder-stopped" || len(s.Findings[0].Symptoms) != 1 || s.Findings[0].Symptoms[0] != "socket-full,tcp:1@client" {
		t.Fatalf("findings %+v", s.Findings)
	}
	if f := s.Findings[1]; f.Host != "client" || f.Summary != "client: a limit" {
		t.Errorf("its own: %+v", f)
	}
	w := s.Waits[0]
	if len(w.Blockers) != 1 || w.Blockers[0].PID != 20000031 || w.Blockers[0].Comm != "server@server" || w.Blockers[0].Confidence != model.Likely {
		t.Errorf("blockers %+v", w.Blockers)
	}
	if f := s.Findings[0]; !strings.Contains(f.Summary, "client(31)@client waits for server(31)@server") {
		t.Error(f.Summary)
	}
}

// TestHealthyHosts: the list of findings of healthy hosts is empty and not nil.
func TestHealthyHosts(t *testing.T) {
	s := together(t, farHost("client", "T", []model.Finding{}), farHost("server", "T", []model.Finding{}))
	if s.Findings == nil || len(s.Findings) != 0 {
		t.Errorf("findings %#v, want an empty list", s.Findings)
	}
	s = together(t, farHost("client", "T", nil), farHost("server", "T", nil))
	if s.Findings != nil {
		t.Errorf("findings %#v of hosts that were not looked at", s.Findings)
	}
}
