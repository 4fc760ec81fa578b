package testfixtures

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
)

// holdEnv makes the test binary a run that holds fixtures until it is killed.
const holdEnv = "IPCTOP_TEST_HOLD"

func TestMain(m *testing.M) {
	RunRole()
	if names, ok := os.LookupEnv(holdEnv); ok {
		run, err := Start(context.Background(), strings.Fields(names)...)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		_ = json.NewEncoder(os.Stdout).Encode(run.Instances)
		select {}
	}
	os.Exit(m.Run())
}

// ownHome gives the test a directory for its runs that no other test uses. Its path is
// short enough for a socket address.
func ownHome(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "fx-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	t.Setenv("XDG_RUNTIME_DIR", "")
	t.Setenv("TMPDIR", dir)
	return dir
}

func start(t *testing.T, names ...string) *Run {
	t.Helper()
	run, err := Start(t.Context(), names...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := run.Close(); err != nil {
			t.Error(err)
		}
	})
	return run
}

func TestEveryFixture(t *testing.T) {
	home := ownHome(t)
	run := start(t)
	for _, s := range run.Skipped {
		t.Logf("%s: skipped: %s", s.Fixture, s.Reason)
		if s.Reason == "" {
			t.Errorf("%s is skipped without a reason", s.Fixture)
		}
	}
	if got, want := len(run.Instances)+len(run.Skipped), len(All()); got != want {
		t.Errorf("%d made or skipped, want all %d", got, want)
	}
	for _, inst := range run.Instances {
		t.Run(inst.Fixture, func(t *testing.T) {
			for _, pid := range inst.PIDs {
				if unix.Kill(pid, 0) != nil {
					t.Errorf("process %d is not alive", pid)
				}
				if to, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/2", pid)); err == nil && strings.HasPrefix(to, "pipe:") {
					t.Errorf("process %d still has the pipe for reports, which nobody reads: %s", pid, to)
				}
			}
			var e expectation
			if err := json.Unmarshal(inst.Expect, &e); err != nil {
				t.Fatal(err)
			}
			for _, h := range e.Holders {
				checkHolder(t, inst, e, h)
			}
			checkExplained(t, &inst)
		})
	}
	if err := run.Close(); err != nil {
		t.Error(err)
	}
	checkNothingLeft(t, home, run.Instances)
	if err := run.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
}

// expectation has the fields of an instance's Expect that the tests use.
type expectation struct {
	Ino     string
	Holders []holderExpectation
}

type holderExpectation struct {
	PID, FD                    int
	Comm, Via, Access, Address string
}

// checkHolder checks in /proc that a holder has what it is expected to hold.
func checkHolder(t *testing.T, inst Instance, e expectation, h holderExpectation) {
	t.Helper()
	proc := fmt.Sprintf("/proc/%d/", h.PID)
	if !slices.Contains(inst.PIDs, h.PID) {
		t.Errorf("holder %d is not among the pids %v", h.PID, inst.PIDs)
	}
	if h.Comm == "" && h.Via == "" {
		return // a thread that waits on a futex: /proc says nothing about it
	}
	if comm, err := os.ReadFile(proc + "comm"); err != nil || string(comm) != h.Comm+"\n" {
		t.Errorf("comm of %d is %q (%v), want %s", h.PID, comm, err, h.Comm)
	}
	if h.Via == "attach" || h.Via == "map" {
		maps, err := os.ReadFile(proc + "maps")
		want := strings.TrimPrefix(h.Address, "0x") + "-"
		if err != nil || !strings.Contains("\n"+string(maps), "\n"+want) {
			t.Errorf("%smaps has nothing at %s (%v)", proc, h.Address, err)
		}
		return
	}
	if h.Via == "notify" {
		return // /proc does not show it
	}
	link := fmt.Sprintf("%sfd/%d", proc, h.FD)
	var st unix.Stat_t
	if err := unix.Stat(link, &st); err != nil {
		t.Fatalf("%s: %v", link, err)
	}
	// Event descriptors and terminals cannot be identified by an inode.
	if ino := fmt.Sprint(st.Ino); e.Ino != "" && ino != e.Ino {
		t.Errorf("%s has inode %s, want %s", link, ino, e.Ino)
	}
	if err := unix.Lstat(link, &st); err != nil {
		t.Fatal(err)
	}
	if h.Via == "lock" {
		return // the access mode of the holder does not matter
	}
	if want := map[string]uint32{"r": 0o500, "w": 0o300, "rw": 0o700, "": 0o700}[h.Access]; st.Mode&0o777 != want {
		t.Errorf("%s has mode %o, want %o", link, st.Mode&0o777, want)
	}
}

// checkNothingLeft checks that no process, file or System V object is left.
func checkNothingLeft(t *testing.T, home string, instances []Instance) {
	t.Helper()
	for _, inst := range instances {
		for _, pid := range inst.PIDs {
			if err := unix.Kill(pid, 0); err != unix.ESRCH {
				t.Errorf("%s: process %d is left (%v)", inst.Fixture, pid, err)
			}
		}
		if id, ok := sysvObject(inst); ok {
			// A removed segment exists until the last process has unmapped it. A reader of
			// that process's maps can delay this.
			left := true
			for deadline := time.Now().Add(time.Minute); left && time.Now().Before(deadline); {
				if _, err := sysvStat(id.Type, id.ID); err != nil {
					left = false
					break
				}
				time.Sleep(10 * time.Millisecond)
			}
			if left {
				t.Errorf("%s: %s is left", inst.Fixture, inst.Object)
			}
		}
	}
	if home == "" {
		return
	}
	for _, inst := range instances {
		if name, ok := mqName(inst); ok {
			if fd, err := mqOpen(name); err == nil {
				_ = unix.Close(fd)
				t.Errorf("%s: queue %s is left", inst.Fixture, name)
			}
		}
	}
	if left, err := os.ReadDir(home); err != nil || len(left) > 0 {
		t.Errorf("left in %s: %v (%v)", home, left, err)
	}
}

// sysvObject reads the id of a System V object of this namespace.
func sysvObject(inst Instance) (sysvRecord, bool) {
	kind, num, _ := strings.Cut(inst.Object, ":")
	typ, ok := strings.CutPrefix(kind, "sysv-")
	id, err := strconv.Atoi(num)
	return sysvRecord{Type: sysvType(typ), ID: id}, ok && err == nil
}

// mqName is the name of a message queue, if the instance is one in this namespace.
func mqName(inst Instance) (string, bool) {
	var e struct{ Name string }
	ok := inst.Kind == string(model.PosixMq) && inst.Fixture != "posix-mq:deleted" && inst.Fixture != "posix-mq:namespace"
	if json.Unmarshal(inst.Expect, &e) != nil {
		return "", false
	}
	return strings.TrimPrefix(e.Name, "/"), ok
}

func TestStartTwiceInParallel(t *testing.T) {
	home := ownHome(t)
	names := []string{"pipe", "fifo", "unix:listener", "unix:abstract", "sysv-msg", "sysv-sem", "sysv-shm", "posix-mq", "tcp"}
	var runs [2]*Run
	var wg sync.WaitGroup
	for i := range runs {
		wg.Go(func() {
			var err error
			if runs[i], err = Start(t.Context(), names...); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	objects := map[string]bool{}
	for _, run := range runs {
		for _, inst := range run.Instances {
			if objects[inst.Object] {
				t.Errorf("both runs have %s", inst.Object)
			}
			objects[inst.Object] = true
		}
	}
	if err := runs[0].Close(); err != nil {
		t.Error(err)
	}
	for _, inst := range runs[1].Instances {
		for _, pid := range inst.PIDs {
			if !alive(pid, mustTicks(t, pid)) {
				t.Errorf("%s: process %d ended with the other run", inst.Fixture, pid)
			}
		}
	}
	if err := runs[1].Close(); err != nil {
		t.Error(err)
	}
	checkNothingLeft(t, home, append(runs[0].Instances, runs[1].Instances...))
}

func mustTicks(t *testing.T, pid int) uint64 {
	t.Helper()
	ticks, _, err := startTicks(pid)
	if err != nil {
		t.Error(err)
	}
	return ticks
}

func TestCloseEndsStoppedHolder(t *testing.T) {
	home := ownHome(t)
	run := start(t, "pipe")
	if err := unix.Kill(run.Instances[0].PIDs[0], unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if err := run.Close(); err != nil {
		t.Error(err)
	}
	checkNothingLeft(t, home, run.Instances)
}

func TestCancelledStartLeavesNothing(t *testing.T) {
	home := ownHome(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	run, err := Start(ctx)
	if run != nil || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("Start = %v, %v; want the deadline", run, err)
	}
	checkNothingLeft(t, home, nil)
}

func TestUnknownFixture(t *testing.T) {
	home := ownHome(t)
	_, err := Start(t.Context(), "pipe", "pype")
	var unknown *UnknownError
	if !errors.As(err, &unknown) || unknown.Name != "pype" {
		t.Errorf("Start = %v", err)
	}
	checkNothingLeft(t, home, nil)
}

func TestNamesAreDistinct(t *testing.T) {
	names, comms := map[string]bool{}, map[string]string{}
	for _, f := range All() {
		if names[f.Name] {
			t.Errorf("%s is there twice", f.Name)
		}
		names[f.Name] = true
		if f.Makes == "" {
			t.Errorf("%s does not say what it makes", f.Name)
		}
		if _, ok := model.LookupKind(model.Kind(f.Kind())); !ok && f.Kind() != SignalsKind && f.Kind() != RuleKind {
			t.Errorf("%s: there is no kind %s", f.Name, f.Kind())
		}
		for role := range f.roles {
			comm := f.comm(role)
			if len(comm) > 15 {
				t.Errorf("%s: the kernel cuts %s to 15 bytes", f.Name, comm)
			}
			if other, ok := comms[comm]; ok {
				t.Errorf("%s and %s both have a process %s", f.Name, other, comm)
			}
			comms[comm] = f.Name
		}
	}
	for _, k := range model.Kinds() {
		if !names[string(k.Name)] {
			t.Errorf("kind %s has no fixture", k.Name)
		}
	}
}

// TestExpectedKeysExist finds keys that no dump has: such an expectation could never be met.
func TestExpectedKeysExist(t *testing.T) {
	ownHome(t)
	for _, inst := range start(t).Instances {
		var expect tree
		if err := json.Unmarshal(inst.Expect, &expect); err != nil {
			t.Fatal(err)
		}
		if inst.Kind == RuleKind {
			continue // it only names its object
		}
		if inst.Kind == SignalsKind {
			checkKeys(t, inst.Fixture, expect, reflect.TypeFor[model.Process](), nil)
			continue
		}
		k, _ := model.LookupKind(model.Kind(inst.Kind))
		checkKeys(t, inst.Fixture, expect, reflect.TypeFor[model.Object](), reflect.TypeOf(k.NewDetail()))
	}
}

func checkKeys(t *testing.T, path string, have tree, typ, detail reflect.Type) {
	t.Helper()
	for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
		typ = typ.Elem()
	}
	fields := map[string]reflect.Type{}
	for _, f := range reflect.VisibleFields(typ) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		fields[name] = f.Type
	}
	for key, v := range have {
		ft, ok := fields[strings.TrimSuffix(key, "_b64")]
		if !ok {
			t.Errorf("%s: no key %q in %v", path, key, typ)
			continue
		}
		if key == "detail" {
			ft = detail
		}
		list, ok := v.([]any)
		if !ok {
			list = []any{v}
		}
		for _, elem := range list {
			if sub, ok := elem.(tree); ok {
				checkKeys(t, path+"."+key, sub, ft, detail)
			}
		}
	}
}
