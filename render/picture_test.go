package render

import (
	"strings"
	"testing"
	"time"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/model/modeltest"
)

// hang is a finding and the line that must describe it.
type hang struct {
	name    string
	finding model.Finding
	wide    string // at 120 cells
	usual   string // at 80 cells: the names, whatever else is left out
	narrow  string // at 40 cells
}

func step(pid int, comm, object string) model.Step {
	return model.Step{PID: pid, TID: pid, Comm: comm, Object: object, Relation: "waits"}
}

func root(pid int, comm, doing string) *model.Root {
	return &model.Root{PID: pid, Comm: comm, Doing: doing}
}

func hangs() []hang {
	return []hang{
		{
			"flock chain",
			model.Finding{
				Rule: "lock-wait", Chain: []model.Step{step(412, "nightly", "file:1"), step(775, "flock", "")}, Root: root(775, "flock", "waits for its child 777"),
			},
			"STUCK 3m12s nightly(412) → /srv/shop/run/backup.lock → flock(775) → sleep(777) sleeps 33m more",
			"STUCK 3m12s nightly(412) → /srv/shop/run/backup.lock → flock(775) → sleep(777)",
			"STUCK 3m12s nightly(412) → … → sleep(777)",
		},
		{
			"pipe full",
			model.Finding{Rule: "pipe-full", Chain: []model.Step{step(784, "yes", "pipe:4242")}, Root: root(785, "sleep", "sleeps 33m more")},
			"BLOCKED 3m12s yes(784) → pipe FULL → sleep(785) does not read, sleeps 33m more",
			"BLOCKED 3m12s yes(784) → pipe FULL → sleep(785) does not read, sleeps 33m more",
			"BLOCKED 3m12s yes(784) → sleep(785)",
		},
		{
			"FIFO open",
			model.Finding{Rule: "fifo-open-waits", Chain: []model.Step{step(30, "cat", "fifo:1")}, Root: root(30, "cat", "opens the FIFO")},
			"BLOCKED 3m12s cat(30) → /srv/jobs nobody opens the other end",
			"BLOCKED 3m12s cat(30) → /srv/jobs nobody opens the other end",
			"BLOCKED 3m12s cat(30) → /srv/jobs",
		},
		{
			"deadlock of two",
			model.Finding{Rule: "deadlock", Severity: model.Critical, Chain: []model.Step{step(38, "billing", "file:2"), step(39, "reports", "file:1")}},
			"DEADLOCK 3m12s billing(38) ⇄ reports(39)  ledger.lck, backup.lock",
			"DEADLOCK 3m12s billing(38) ⇄ reports(39)  ledger.lck, backup.lock",
			"DEADLOCK 3m12s billing(38) ⇄ reports(39)",
		},
		{
			"deadlock of three",
			model.Finding{
				Rule: "deadlock", Chain: []model.Step{step(38, "billing", "file:2"), step(39, "reports", "file:1"), step(40, "mailer", "pipe:4242")},
			},
			"DEADLOCK 3m12s billing(38) → reports(39) → mailer(40) → billing(38)  ledger.lck, backup.lock, pipe",
			"DEADLOCK 3m12s billing(38) → reports(39) → mailer(40) → billing(38)  ledger.lck…",
			"DEADLOCK 3m12s billing(38) → reports(39)…",
		},
		{
			"stopped holder",
			model.Finding{
				Rule: "holder-stopped", Chain: []model.Step{step(50, "cron", "file:2")}, Victims: []int{50, 51, 52}, Root: root(60, "backup", "is stopped (SIGSTOP)"),
			},
			"STUCK 3m12s cron(50) +2 → /srv/shop/run/ledger.lck → backup(60) is stopped (SIGSTOP)",
			"STUCK 3m12s cron(50) +2 → /srv/shop/run/ledger.lck → backup(60) is stopped (SIG…",
			"STUCK 3m12s cron(50) +2 → backup(60)",
		},
		{
			"unread terminal",
			model.Finding{Rule: "pty-not-read", Chain: []model.Step{step(70, "make", "pty:3")}, Root: root(71, "xterm", "is stopped")},
			"BLOCKED 3m12s make(70) → /dev/pts/3 FULL → xterm(71) does not read, is stopped",
			"BLOCKED 3m12s make(70) → /dev/pts/3 FULL → xterm(71) does not read, is stopped",
			"BLOCKED 3m12s make(70) → xterm(71)",
		},
		{
			"full backlog",
			model.Finding{
				Rule: "backlog-full", Chain: []model.Step{step(80, "curl", "tcp:5"), step(81, "curl", "tcp:5")}, Victims: []int{80, 81}, Root: root(90, "api.py", "sleeps"),
			},
			"BLOCKED 3m12s curl(80) +1 → tcp 0.0.0.0:8080 FULL → api.py(90) does not accept, sleeps",
			"BLOCKED 3m12s curl(80) +1 → tcp 0.0.0.0:8080 FULL → api.py(90) does not accept,…",
			"BLOCKED 3m12s curl(80) +1 → api.py(90)",
		},
		{
			"row lock of a database",
			model.Finding{
				Rule: "database-lock", Chain: []model.Step{step(220, "psql", "unix:7"), step(812, "postgres", "")}, Root: root(813, "postgres", "is idle in transaction"),
			},
			"STUCK 3m12s psql(220) → /run/pg/.s.PGSQL.5432 → postgres(812) → database lock → postgres(813) is idle in transaction",
			"STUCK 3m12s psql(220) → .s.PGSQL.5432 → … → postgres(813) is idle in transaction",
			"STUCK 3m12s psql(220) → … → postgres(813)",
		},
		{
			"hung FUSE reader",
			model.Finding{Rule: "holder-stopped", Chain: []model.Step{step(31, "grep", "")}, Root: root(32, "sshfs", "is stopped")},
			"STUCK 3m12s grep(31) → /mnt/remote/big.log → sshfs(32) is stopped",
			"STUCK 3m12s grep(31) → /mnt/remote/big.log → sshfs(32) is stopped",
			"STUCK 3m12s grep(31) → sshfs(32)",
		},
		{
			"stopped holder of a file far down",
			model.Finding{Rule: "holder-stopped", Chain: []model.Step{step(41, "backup", "file:8")}, Root: root(42, "vim", "is stopped")},
			"STUCK 3m12s backup(41) → notes.lck → vim(42) is stopped",
			"STUCK 3m12s backup(41) → notes.lck → vim(42) is stopped",
			"STUCK 3m12s backup(41) → vim(42)",
		},
		{
			"full backlog of an abstract name",
			model.Finding{Rule: "backlog-full", Chain: []model.Step{step(51, "curl", "unix:9")}, Root: root(52, "gunicorn", "is idle")},
			"BLOCKED 3m12s curl(51) → @…/control FULL → gunicorn(52) does not accept, is idle",
			"BLOCKED 3m12s curl(51) → @…/control FULL → gunicorn(52) does not accept, is idle",
			"BLOCKED 3m12s curl(51) → gunicorn(52)",
		},
		{
			"semaphore of a process that has ended",
			model.Finding{Rule: "sem-owner-dead", Summary: "a long sentence", Chain: []model.Step{step(61, "batch", "sysv-sem:10")}},
			"BLOCKED 3m12s batch(61) → semaphores 0x4d2 its last user has ended",
			"BLOCKED 3m12s batch(61) → semaphores 0x4d2 its last user has ended",
			"BLOCKED 3m12s batch(61) → semaphores 0x4…",
		},
	}
}

func hangObjects() []*model.Object {
	full := model.NewRatio(model.Some(int64(1)), model.Some(int64(1)))
	return []*model.Object{
		{ID: "fifo:1", Kind: model.FIFO, Path: "/srv/jobs", Detail: &model.PipeDetail{}},
		{ID: "file:1", Kind: model.File, Path: "/srv/shop/run/backup.lock", Detail: &model.FileDetail{}},
		{ID: "file:2", Kind: model.File, Path: "/srv/shop/run/ledger.lck", Detail: &model.FileDetail{}},
		{ID: "pipe:4242", Kind: model.Pipe, Name: "pipe:[4242]", Fill: full, Detail: &model.PipeDetail{}},
		{ID: "pty:3", Kind: model.Pty, Path: "/dev/pts/3", Fill: full, Detail: &model.PtyDetail{}},
		{ID: "tcp:5", Kind: model.TCP, Fill: full, Detail: &model.InetDetail{State: "LISTEN", Local: "0.0.0.0:8080"}},
		{ID: "unix:6", Kind: model.Unix, Path: "/run/pg/.s.PGSQL.5432", Detail: &model.UnixDetail{}},
		{ID: "file:8", Kind: model.File, Path: "/home/ann/projects/shop/" + strings.Repeat("documents/", 9) + "notes.lck", Detail: &model.FileDetail{}},
		{ID: "unix:9", Kind: model.Unix, Name: "@sockets/" + strings.Repeat("gunicorn/", 12) + "control", Fill: full, Detail: &model.UnixDetail{}},
		{ID: "sysv-sem:10", Kind: model.SysvSem, Detail: &model.SysvSemDetail{Key: "0x4d2"}},
		{ID: "unix:7", Kind: model.Unix, Peers: []model.Peer{{ID: "unix:6", Confidence: model.Certain}}, Detail: &model.UnixDetail{}},
	}
}

// hangWaits are the waits from which a verdict takes what the finding does not say.
func hangWaits() []model.Wait {
	return []model.Wait{
		{PID: 775, TID: 775, Comm: "flock", Call: "wait4", Needs: model.NeedsChild, Blockers: []model.Blocker{{PID: 777, Comm: "sleep"}}},
		{PID: 777, TID: 777, Comm: "sleep", Call: "clock_nanosleep", Needs: model.NeedsTime, Timeout: model.Some(int64(40 * time.Minute)), BlockedFor: model.Some(int64(7 * time.Minute))},
		{PID: 31, TID: 31, Comm: "grep", Call: "openat", Needs: model.NeedsAnswer, Target: &model.Target{Path: "/mnt/remote/big.log", FileSystem: "/mnt/remote"}},
	}
}

// TestVerdict: the verdict names who is stuck and on whom, however narrow the terminal is.
func TestVerdict(t *testing.T) {
	s := &model.Snapshot{Taken: modeltest.Taken, Objects: hangObjects(), Waits: hangWaits()}
	v := NewView(model.NewIndex(s), &Options{})
	for _, h := range hangs() {
		f := h.finding
		f.Since = s.Taken.Add(-192 * time.Second)
		for width, want := range map[int]string{120: h.wide, 80: h.usual, 41: h.narrow} {
			var b strings.Builder
			for _, c := range v.Verdict(&f, width) {
				b.WriteString(c.Text)
			}
			if b.String() != want {
				t.Errorf("%s at %d:\n%s, want\n%s", h.name, width, b.String(), want)
			}
			if n := Width(b.String()); n > width {
				t.Errorf("%s takes %d of %d cells", h.name, n, width)
			}
		}
	}
}

// TestVerdictOfThreads: threads of one process that wait for each other are distinguished;
// without a chain the summary is shown.
func TestVerdictOfThreads(t *testing.T) {
	s := &model.Snapshot{Taken: modeltest.Taken}
	v := NewView(model.NewIndex(s), &Options{})
	for want, f := range map[string]*model.Finding{
		"DEADLOCK db(5) thread 6 ⇄ thread 7":                  {Rule: "deadlock", Chain: []model.Step{{PID: 5, TID: 6, Comm: "db"}, {PID: 5, TID: 7, Comm: "db"}}},
		"WARNING files nearly used up":                        {Rule: "limit-near", Severity: model.Warning, Summary: "files nearly used up"},
		`BLOCKED a\x1b(1) → no such\x1b no receiver is known`: {Rule: "queue-full", Chain: []model.Step{{PID: 1, Comm: "a\x1b", Object: "no such\x1b"}}, Root: root(1, "", "")},
	} {
		var b strings.Builder
		for _, c := range v.Verdict(f, 60) {
			b.WriteString(c.Text)
		}
		if strings.TrimSpace(b.String()) != want {
			t.Errorf("got %q, want %q", b.String(), want)
		}
	}
}
