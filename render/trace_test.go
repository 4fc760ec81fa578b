package render_test

import (
	"testing"
	"time"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/render"
	"github.com/ipctop/ipctop/trace"
)

// TestTraceLineOfConnection: the line says who is at which end, if that is known.
func TestTraceLineOfConnection(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)
	app, db := &trace.Party{PID: 41, Comm: "app"}, &trace.Party{PID: 812, Comm: "post\x1bgres"}
	for _, test := range []struct {
		want, event, path, failed string
		target                    *trace.Party
		connection                trace.Connection
	}{
		{`app(41)  connected to post\x1bgres(812)  at /run/db\n`, trace.ConnectEvent, "/run/db\n", "", db, trace.Connection{}},
		{"app(41)  connected to post\\x1bgres(812)", trace.ConnectEvent, "", "", db, trace.Connection{}},
		{
			"app(41)  connected to 10.0.0.9:5432  from 10.0.0.1:4000", trace.ConnectEvent, "", "", nil,
			trace.Connection{Local: "10.0.0.1:4000", Remote: "10.0.0.9:5432"},
		},
		{
			"app(41)  connects to 10.0.0.9:5432  from 10.0.0.1:4000  in progress (EINPROGRESS)", trace.ConnectEvent, "", "EINPROGRESS", nil,
			trace.Connection{Local: "10.0.0.1:4000", Remote: "10.0.0.9:5432"},
		},
		{"app(41)  did not connect to /run/db  ECONNREFUSED", trace.ConnectEvent, "/run/db", "ECONNREFUSED", nil, trace.Connection{}},
		{"app(41)  accepted post\\x1bgres(812)  at @db", trace.AcceptEvent, "@db", "", db, trace.Connection{}},
		{
			"app(41)  accepted  at 10.0.0.1:80  from 10.0.0.9:4000", trace.AcceptEvent, "", "", nil,
			trace.Connection{Local: "10.0.0.1:80", Remote: "10.0.0.9:4000"},
		},
		{"app(41)  accepted no connection  at /run/db  EMFILE", trace.AcceptEvent, "/run/db", "EMFILE", nil, trace.Connection{}},
	} {
		e := &trace.Event{Time: at, Event: test.event, Sender: app, Target: test.target, Path: test.path, Error: test.failed, Connection: &test.connection}
		if got, want := render.TraceLine(e, &render.Options{}, time.UTC), "03:04:05.678  "+test.want; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// TestTraceLineOfLock: the line says what happened to a lock.
func TestTraceLineOfLock(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)
	app, holder := &trace.Party{PID: 41, Comm: "app"}, &trace.Party{PID: 812, Comm: "db\x1b"}
	const file = "/run/a\nb"
	some := model.Some[int64]
	for _, test := range []struct {
		want, path, failed string
		target             *trace.Party
		lock               trace.Lock
	}{
		{`took exclusive lock (flock)  on /run/a\nb`, file, "", nil, trace.Lock{Kind: "flock", Mode: "WRITE", Outcome: trace.LockTaken}},
		{
			`took shared lock (posix) of bytes 10-14  on /run/a\nb  after 1.5s`, file, "", nil,
			trace.Lock{Kind: "posix", Mode: "READ", Outcome: trace.LockTaken, Start: some(10), End: some(14), Waited: 1500 * time.Millisecond},
		},
		{
			"upgraded to exclusive lock (OFD) of bytes from 10  on file:1:2:3", "", "", nil,
			trace.Lock{Kind: "ofd", Mode: "WRITE", Before: "READ", Outcome: trace.LockUpgraded, Start: some(10)},
		},
		{
			`did not get exclusive lock (flock)  on /run/a\nb  EAGAIN, and lost its READ lock`, file, "EAGAIN", nil,
			trace.Lock{Kind: "flock", Mode: "WRITE", Before: "READ", Outcome: trace.LockRefused},
		},
		{
			`waits for exclusive lock (posix)  on /run/a\nb  held by db\x1b(812)`, file, "", holder,
			trace.Lock{Kind: "posix", Mode: "WRITE", Outcome: trace.LockWaits, Start: some(0)},
		},
		{
			`stopped waiting for exclusive lock (flock)  on /run/a\nb  after 6s  EINTR, as its handler of SIGALRM ran`, file, "EINTR", nil,
			trace.Lock{Kind: "flock", Mode: "WRITE", Outcome: trace.LockInterrupted, By: "SIGALRM", Waited: 6 * time.Second},
		},
		{
			`stopped waiting for shared lock (OFD)  on /run/a\nb  after 6s  as it ended`, file, "", nil,
			trace.Lock{Kind: "ofd", Mode: "READ", Outcome: trace.LockAbandoned, Start: some(0), Waited: 6 * time.Second},
		},
		{`took shared lease  on /run/a\nb`, file, "", nil, trace.Lock{Kind: "lease", Mode: "READ", Outcome: trace.LockTaken}},
		{`downgraded to shared lease  on file:1:2:3`, "", "", nil, trace.Lock{Kind: "lease", Mode: "READ", Before: "WRITE", Outcome: trace.LockDowngraded}},
		{`upgraded to exclusive lease  on /run/a\nb`, file, "", nil, trace.Lock{Kind: "lease", Mode: "WRITE", Before: "READ", Outcome: trace.LockUpgraded}},
		{`released exclusive lease  on /run/a\nb`, file, "", nil, trace.Lock{Kind: "lease", Mode: "WRITE", Outcome: trace.LockReleased}},
		{`waits to open /run/a\nb for reading  because of a lease held by db\x1b(812)`, file, "", holder, trace.Lock{Kind: "lease", Mode: "READ", Outcome: trace.LockWaits}},
		{
			`did not open /run/a\nb for writing  EAGAIN because of a lease held by db\x1b(812)`, file, "EAGAIN", holder,
			trace.Lock{Kind: "lease", Mode: "WRITE", Outcome: trace.LockRefused},
		},
		{`can open /run/a\nb for writing  after 3s`, file, "", holder, trace.Lock{Kind: "lease", Mode: "WRITE", Outcome: trace.LockCleared, Waited: 3 * time.Second}},
		{
			`made the kernel revoke the shared lease of db\x1b(812)  on /run/a\nb  not released in time`, file, "", holder,
			trace.Lock{Kind: "lease", Mode: "READ", Outcome: trace.LockForced},
		},
		{
			`stopped waiting to open /run/a\nb for reading  after 6s  EINTR, as its handler of SIGALRM ran`, file, "EINTR", holder,
			trace.Lock{Kind: "lease", Mode: "READ", Outcome: trace.LockInterrupted, By: "SIGALRM", Waited: 6 * time.Second},
		},
		{
			`stopped waiting to open /run/a\nb for reading  after 6s  as it ended`, file, "", holder,
			trace.Lock{Kind: "lease", Mode: "READ", Outcome: trace.LockAbandoned, Waited: 6 * time.Second},
		},
		{`released lock (posix)  on /run/a\nb`, file, "", nil, trace.Lock{Kind: "posix", Outcome: trace.LockReleased, Start: some(0)}},
		{`released shared lock (flock)  on /run/a\nb  by closing it`, file, "", nil, trace.Lock{Kind: "flock", Mode: "READ", Outcome: trace.LockClosed}},
		{`released exclusive lock (flock)  on /run/a\nb  as it ended`, file, "", nil, trace.Lock{Kind: "flock", Mode: "WRITE", Outcome: trace.LockEnded}},
	} {
		e := &trace.Event{
			Time: at, Event: trace.LockEvent, Sender: app, Target: test.target, Object: "file:1:2:3", Path: test.path, Error: test.failed, Lock: &test.lock,
		}
		if got, want := render.TraceLine(e, &render.Options{}, time.UTC), "03:04:05.678  app(41)  "+test.want; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// TestTraceLineOfExistence: the line says what was made or removed.
func TestTraceLineOfExistence(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)
	app, maker := &trace.Party{PID: 41, Comm: "app"}, &trace.Party{PID: 812, Comm: "maker"}
	for _, test := range []struct {
		want, event, path, object string
		target                    *trace.Party
		existence                 trace.Existence
	}{
		{"created sysv-shm:3  key 0x000004d2", trace.CreatedEvent, "", "sysv-shm:3", nil, trace.Existence{Of: "sysv-shm", Key: "0x000004d2"}},
		{"removed sysv-shm:3  made by maker(812)", trace.RemovedEvent, "", "sysv-shm:3", maker, trace.Existence{Of: "sysv-shm"}},
		{`created posix-shm  /dev/shm/a\n (posix-shm:0:27:4)`, trace.CreatedEvent, "/dev/shm/a\n", "posix-shm:0:27:4", nil, trace.Existence{Of: "posix-shm"}},
		{"removed posix-mq  /jobs", trace.RemovedEvent, "/jobs", "", nil, trace.Existence{Of: "posix-mq"}},
	} {
		e := &trace.Event{
			Time: at, Event: test.event, Sender: app, Target: test.target, Object: test.object, Path: test.path, Existence: &test.existence,
		}
		if got, want := render.TraceLine(e, &render.Options{}, time.UTC), "03:04:05.678  app(41)  "+test.want; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// TestTraceLineOfExit: the line says how a process ended and what it left behind.
func TestTraceLineOfExit(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)
	app := &trace.Party{PID: 41, Comm: "app"}
	for _, test := range []struct {
		want string
		exit trace.Exit
	}{
		{"ended  status 3  after 12ms", trace.Exit{Result: model.Some(3), Age: 12 * time.Millisecond}},
		{
			"ended  by SIGKILL  after 12ms  as the owner of futex:sysv-shm:3+128, futex:812:0x10 (EOWNERDEAD)",
			trace.Exit{Killed: "SIGKILL", Age: 12 * time.Millisecond, Robust: []trace.File{{Object: "futex:sysv-shm:3+128"}, {Object: "futex:812:0x10"}}},
		},
		{
			`ended  by SIGKILL  after 12ms  with its locks on /run/a\n, file:1:2:3  left /dev/shm/b\n, sysv-shm:3 (key 0x000004d2), sysv-sem:4`,
			trace.Exit{
				Killed: "SIGKILL", Age: 12 * time.Millisecond, Locks: []trace.File{{Object: "file:1:2:9", Name: "/run/a\n"}, {Object: "file:1:2:3"}},
				Left: []trace.File{{Object: "posix-shm:0:27:1", Name: "/dev/shm/b\n"}, {Object: "sysv-shm:3", Name: "0x000004d2"}, {Object: "sysv-sem:4"}},
			},
		},
	} {
		e := &trace.Event{Time: at, Event: trace.ExitEvent, Target: app, Exit: &test.exit}
		if got, want := render.TraceLine(e, &render.Options{}, time.UTC), "03:04:05.678  app(41)  "+test.want; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// TestTraceLineOfPassed: the line says who passed what to whom, if that is known.
func TestTraceLineOfPassed(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)
	app, worker := &trace.Party{PID: 41, Comm: "app"}, &trace.Party{PID: 812, Comm: "worker"}
	files := []trace.File{{Object: "pipe:4"}, {Object: "memfd:0:1:9", Name: "memfd:\x1b"}, {Name: "[eventfd]"}, {}}
	for _, test := range []struct {
		want, object, path string
		sender, target     *trace.Party
		passed             trace.Passed
	}{
		{
			`app(41)  passed 5 descriptors to worker(812)  pipe:4, memfd:\x1b (memfd:0:1:9), [eventfd], ?, 1 more  over unix:1 → unix:2`, "unix:1", "",
			app, worker,
			trace.Passed{How: trace.PassedSent, Number: 5, Given: files, Via: "unix:2"},
		},
		{
			"app(41)  passed 1 descriptor to /run/notify  pipe:4  over unix:1", "unix:1", "/run/notify",
			app, nil,
			trace.Passed{How: trace.PassedSent, Number: 1, Given: files[:1]},
		},
		{
			"worker(812)  received 1 descriptor of app(41)  pipe:4  over unix:1 → unix:2", "unix:2", "",
			app, worker,
			trace.Passed{How: trace.PassedReceived, Number: 1, Given: files[:1], Via: "unix:1"},
		},
		{
			"worker(812)  received 1 descriptor  pipe:4  over unix:2", "unix:2", "",
			nil, worker,
			trace.Passed{How: trace.PassedReceived, Number: 1, Given: files[:1]},
		},
		{
			"app(41)  took 1 descriptor of worker(812)  pipe:4  by pidfd_getfd", "", "",
			app, worker,
			trace.Passed{How: trace.PassedTaken, Number: 1, Given: files[:1]},
		},
	} {
		e := &trace.Event{
			Time: at, Event: trace.PassedEvent, Sender: test.sender, Target: test.target, Object: test.object, Path: test.path, Passed: &test.passed,
		}
		if got, want := render.TraceLine(e, &render.Options{}, time.UTC), "03:04:05.678  "+test.want; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestTraceLine(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)
	deploy, nginx := &trace.Party{PID: 41, Comm: "sh", Label: "deploy.sh"}, &trace.Party{PID: 812, TID: 812, Comm: "nginx"}
	evil := &trace.Party{PID: 7, Comm: "e\x1b[31mv\n"}
	for _, test := range []struct {
		want           string
		sender, target *trace.Party
		event          string
		signal         trace.Signal
		object         string
	}{
		{
			"03:04:05.678  deploy.sh(41) → nginx(812)  SIGTERM  by kill: its handler runs", deploy, nginx, trace.SignalEvent,
			trace.Signal{Name: "SIGTERM", Cause: trace.CauseKill, Fate: trace.FateDelivered, Effect: trace.EffectHandler},
			"",
		},
		{
			"03:04:05.678  terminal → nginx(812)  SIGINT  a key at /dev/pts/3 (Ctrl-C): ends it", nil, nginx, trace.SignalEvent,
			trace.Signal{Name: "SIGINT", Cause: trace.CauseTerminal, TTY: "/dev/pts/3", Fate: trace.FateDelivered, Effect: trace.EffectEnds},
			"",
		},
		{
			"03:04:05.678  kernel → nginx(812)  SIGPIPE  it wrote to pipe:42, which nobody reads: ends it", nil, nginx, trace.SignalEvent,
			trace.Signal{Name: "SIGPIPE", Cause: trace.CauseBrokenPipe, Fate: trace.FateDelivered, Effect: trace.EffectEnds},
			"pipe:42",
		},
		{
			`03:04:05.678  OOM killer → nginx(812)  SIGKILL  out of memory when e\x1b[31mv\n(7) wanted more: ends it`, nil, nginx, trace.SignalEvent,
			trace.Signal{Name: "SIGKILL", Cause: trace.CauseOOM, Running: evil, Fate: trace.FateDelivered, Effect: trace.EffectEnds},
			"",
		},
		{
			`03:04:05.678  nginx(812) → e\x1b[31mv\n(7)  SIGCHLD  its child ended with status 3: ignored`, nginx, evil, trace.SignalEvent,
			trace.Signal{Name: "SIGCHLD", Cause: trace.CauseChild, Code: "CLD_EXITED", Status: model.Some(3), Fate: trace.FateIgnored},
			"",
		},
		{
			"03:04:05.678  dockerd(outside) → nginx(812)  SIGTERM  by kill: taken after 1.5s, ends it", &trace.Party{Comm: "dockerd"}, nginx, trace.TakenEvent,
			trace.Signal{Name: "SIGTERM", Cause: trace.CauseKill, Fate: trace.FateDelivered, Effect: trace.EffectEnds, After: 1500 * time.Millisecond},
			"",
		},
		{
			"03:04:05.678  nginx(812) → nginx(812)  SIGUSR1  to a thread of its own: thread 815, blocked, stays pending", nginx, nginx, trace.SignalEvent,
			trace.Signal{Name: "SIGUSR1", Cause: trace.CauseThread, Thread: 815, Fate: trace.FateBlocked, Effect: trace.EffectEnds},
			"",
		},
	} {
		e := &trace.Event{Time: at, Event: test.event, Sender: test.sender, Target: test.target, Object: test.object, Signal: &test.signal}
		if got := render.TraceLine(e, &render.Options{}, time.UTC); got != test.want {
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
	}
}
