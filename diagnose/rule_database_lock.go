package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ipctop/ipctop/diagnose/graph"
	"github.com/ipctop/ipctop/model"
)

var databaseLockRule = Rule{
	ID:       "database-lock",
	Short:    "database lock",
	Title:    "session of PostgreSQL waits for a lock of another one",
	Severity: model.Warning,
	Means: "A session of PostgreSQL waits for a lock on a row or table, and with it the client that it serves. The lock is inside the database: to the kernel " +
		"the session is idle. Its title says that it waits.",
	Evidence: "The title that the server process gives itself (/proc/PID/cmdline: “… UPDATE waiting”), and the clients that wait for it. Of the other sessions of " +
		"the database only one has an open transaction, if one is named as the cause.",
	Do: "Ask the database who has the lock: SELECT pg_blocking_pids(PID), and pg_stat_activity tells what that session does. Let it commit, or end it with " +
		"SELECT pg_terminate_backend(PID): its transaction is rolled back.",
	FalseAlarm: "A transaction that works keeps others waiting, and that may be as it should be; raise --min-age to what is usual for you. Where the titles are " +
		"switched off (update_process_title) nothing is found. That the only other session with an open transaction has the lock is likely, not certain: a " +
		"prepared transaction may have it.",
	find: findDatabaseLock,
}

// session is what the title of a PostgreSQL server process says about its client:
// “postgres: USER DATABASE HOST ACTIVITY”, with the name of the cluster after “postgres:” if
// it has one.
type session struct {
	process  *model.Process
	database string
	activity string
	waiting  bool
}

// sessionOf parses a process's title; false if the process serves no client.
func sessionOf(p *model.Process) (session, bool) {
	if p.Comm != "postgres" && p.Comm != "postmaster" {
		return session{}, false
	}
	title, ok := strings.CutPrefix(p.Title(), "postgres: ")
	words := strings.Fields(title)
	if len(words) > 0 && strings.HasSuffix(words[0], ":") {
		words = words[1:] // cluster_name
	}
	const database, host, activity = 1, 2, 3
	if !ok || len(words) <= activity || words[host] != "[local]" && !strings.HasSuffix(words[host], ")") {
		return session{}, false
	}
	s := session{process: p, database: words[database], activity: strings.Join(words[activity:], " ")}
	s.activity, s.waiting = strings.CutSuffix(s.activity, " waiting")
	return s, true
}

func findDatabaseLock(v *view) []finding {
	var sessions []session
	waiting := map[int]bool{}
	for i := range v.Processes {
		if s, ok := sessionOf(v.Processes[i]); ok {
			sessions = append(sessions, s)
			waiting[s.process.PID] = s.waiting
		}
	}
	if !slices.ContainsFunc(sessions, func(s session) bool { return s.waiting }) {
		return nil
	}
	clients := v.clientsOf(waiting)
	var list []finding
	for _, s := range sessions {
		pid := s.process.PID
		w := v.waits[pid]
		if !s.waiting || w == nil || !v.aged(w) {
			continue
		}
		f := finding{about: fmt.Sprint(pid), explains: []*model.Wait{w}}
		f.Severity, f.Victims, f.Confidence = model.Warning, []int{pid}, model.Likely
		f.Summary = fmt.Sprintf("%s waits for a lock in database %s (%s)", v.name(pid), s.database, s.activity)
		f.Evidence = []model.Evidence{{Source: fmt.Sprintf("/proc/%d/cmdline", pid), Text: "its title is “" + s.process.Title() + "”"}}
		if chain, ok := clients[pid]; ok {
			f.Chain = v.chain(chain)
			for _, step := range chain.Steps {
				f.Victims, f.explains = append(f.Victims, step.Wait.PID), append(f.explains, step.Wait)
				f.Objects = append(f.Objects, objectsOf(step.Wait)...)
			}
			f.Evidence = append(f.Evidence, v.evidence(f.explains[1:]...)...)
		}
		f.Since = v.since(f.explains...)
		f.Chain = append(f.Chain, v.step(w, "", "waits for a lock in database "+s.database))
		v.blameSession(&f, s, sessions)
		list = append(list, f)
	}
	return list
}

// clientsOf returns, by session, the chain of the wait that leads to it; of several the oldest.
func (v *view) clientsOf(sessions map[int]bool) map[int]graph.Chain {
	clients := map[int]graph.Chain{}
	age := func(c graph.Chain) time.Duration { return time.Duration(c.Steps[0].Wait.BlockedFor.Or(0)) }
	for i := range v.Waits {
		w := &v.Waits[i]
		if _, isSession := sessions[w.PID]; isSession || !w.Confirmed || w.Needs == model.NeedsTime || w.Needs == model.NeedsSignal {
			continue
		}
		c := v.graph.Chain(w)
		if c.End.Process == nil || !sessions[c.End.Process.PID] || c.Cycle >= 0 || len(c.Steps) == 0 {
			continue
		}
		if best, ok := clients[c.End.Process.PID]; !ok || age(c) > age(best) {
			clients[c.End.Process.PID] = c
		}
	}
	return clients
}

// blameSession names the session that has the lock, if only one can have it.
func (v *view) blameSession(f *finding, s session, sessions []session) {
	var others []session
	waiting := 0
	for _, o := range sessions {
		switch {
		case o.process == s.process || o.process.PPID != s.process.PPID || o.database != s.database || o.activity == "idle":
		case o.waiting:
			waiting++
		default:
			others = append(others, o)
		}
	}
	ask := fmt.Sprintf("only the database knows who has the lock: SELECT pg_blocking_pids(%d)", s.process.PID)
	f.LoweredBy = append(f.LoweredBy, ask)
	switch len(others) {
	case 0:
		if waiting > 0 { // in their transactions
			f.Summary += "; all other sessions with open transactions there wait, too"
			break
		}
		f.Summary += "; no other session has an open transaction there: an idle one may have an advisory lock"
	case 1:
		doing := "runs " + others[0].activity
		if strings.HasPrefix(others[0].activity, "idle") {
			doing = "is " + others[0].activity
		}
		f.Root = v.root(others[0].process.PID, doing)
		f.Summary += fmt.Sprintf("; %s %s", v.name(f.Root.PID), doing)
	default:
		f.Summary += fmt.Sprintf("; %d other sessions have open transactions there", len(others))
	}
}
