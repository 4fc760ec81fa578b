package testfixtures

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// deadOwner is a process of this boot and these namespaces that has ended. This process has its pid now.
func deadOwner(t *testing.T) owner {
	t.Helper()
	o, err := thisProcess()
	if err != nil {
		t.Fatal(err)
	}
	o.StartTicks--
	return o
}

// leave writes what a run with this manifest would have left behind.
func leave(t *testing.T, home string, o owner, records ...record) string {
	t.Helper()
	dir, err := os.MkdirTemp(home, fmt.Sprintf("%s%d-%d-%d-*", dirPrefix, os.Geteuid(), o.PID, o.StartTicks))
	if err != nil {
		t.Fatal(err)
	}
	var b []byte
	for _, r := range append([]record{{Owner: &o}}, records...) {
		line, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		b = append(append(b, line...), '\n')
	}
	if err := os.WriteFile(filepath.Join(dir, manifestName), b, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// queue makes a message queue that the test removes.
func queue(t *testing.T, key int32) (int, sysvRecord) {
	t.Helper()
	id, err := sysvGet(sysvMsg, key, 0, unix.IPC_CREAT|unix.IPC_EXCL|0o600)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { _ = sysvRemove(sysvMsg, id) })
	st, err := sysvStat(sysvMsg, id)
	if err != nil {
		t.Fatal(err)
	}
	return id, sysvRecord{Type: sysvMsg, Key: key, ID: id, UID: st.CUID, Changed: st.Changed}
}

const testKey = 'i'<<24 | 0x123456

func TestCleanComparesSysV(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*sysvRecord, *owner)
		gone   bool
	}{
		{"as recorded", func(*sysvRecord, *owner) {}, true},
		{"announced only", func(r *sysvRecord, _ *owner) { r.ID = -1 }, true},
		{"changed since", func(r *sysvRecord, _ *owner) { r.Changed -= 1000 }, true},
		{"another key", func(r *sysvRecord, _ *owner) { r.Key++ }, false},
		{"another creator", func(r *sysvRecord, _ *owner) { r.UID++ }, false},
		{"another creating process", func(r *sysvRecord, _ *owner) { r.CPID = 4711 }, false},
		{"older than the record", func(r *sysvRecord, _ *owner) { r.Changed += 1000 }, false},
		{"announced long before", func(r *sysvRecord, _ *owner) { r.ID = -1; r.Changed -= 1000 }, false},
		{"another boot", func(_ *sysvRecord, o *owner) { o.BootID = "other" }, false},
		{"another IPC namespace", func(_ *sysvRecord, o *owner) { o.IPCNS++ }, false},
		{"another pid namespace", func(_ *sysvRecord, o *owner) { o.PIDNS++ }, false},
		{"alive", func(_ *sysvRecord, o *owner) { *o, _ = thisProcess() }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			home := t.TempDir()
			id, r := queue(t, testKey)
			o := deadOwner(t)
			tt.change(&r, &o)
			leave(t, home, o, record{SysV: &r})
			if _, err := clean([]string{home}); err != nil {
				t.Fatal(err)
			}
			if _, err := sysvStat(sysvMsg, id); (err != nil) != tt.gone {
				t.Errorf("after clean: %v, want gone: %v", err, tt.gone)
			}
		})
	}
}

func TestCleanRemovesQueues(t *testing.T) {
	name := fmt.Sprintf("%stest-%d", mqPrefix, os.Getpid())
	for _, tt := range []struct {
		recorded string
		gone     bool
	}{{name, true}, {name + "-other", false}, {"/" + name, false}} {
		home := t.TempDir()
		fd, err := mqMake(name, 2, 16)
		if err != nil {
			t.Skip(err)
		}
		_ = unix.Close(fd)
		leave(t, home, deadOwner(t), record{Mq: tt.recorded})
		report, err := clean([]string{home})
		if err != nil {
			t.Fatal(err)
		}
		if err := mqUnlink(name); (err != nil) != tt.gone {
			t.Errorf("%s: after clean: %v, want gone: %v; %+v", tt.recorded, err, tt.gone, report)
		}
	}
}

func TestCleanBelievesNobodyElse(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(dir string) error
	}{
		{"open to others", func(dir string) error { return os.Chmod(dir, 0o755) }},
		{"a link", func(dir string) error {
			elsewhere := filepath.Join(filepath.Dir(dir), "elsewhere")
			if err := os.Rename(dir, elsewhere); err != nil {
				return err
			}
			return os.Symlink(elsewhere, dir)
		}},
		{"someone else's", func(dir string) error { return os.Chown(dir, 4711, 4711) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			home := t.TempDir()
			id, r := queue(t, testKey)
			dir := leave(t, home, deadOwner(t), record{SysV: &r})
			if err := tt.change(dir); err != nil {
				t.Skip(err)
			}
			report, err := clean([]string{home})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := sysvStat(sysvMsg, id); err != nil || len(report.Removed) > 0 || len(report.Kept) == 0 {
				t.Errorf("clean = %+v, queue: %v", report, err)
			}
		})
	}
}

func TestCleanKeepsOtherFiles(t *testing.T) {
	home := t.TempDir()
	outside := filepath.Join(home, "outside")
	if err := unix.Mkfifo(outside, 0o600); err != nil {
		t.Fatal(err)
	}
	dir := leave(t, home, deadOwner(t), record{File: []byte("../outside")}, record{File: []byte("text")}, record{File: []byte("fifo")},
		record{Shm: "../../" + shmPrefix}, record{Shm: "not-ours"})
	for _, name := range []string{"text", "unrecorded"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.Mkfifo(filepath.Join(dir, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	report, err := clean([]string{home})
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Removed) != 1 || len(report.Kept) != 2 { // objects that no longer exist are not kept
		t.Errorf("clean = %+v", report)
	}
	for _, path := range []string{outside, filepath.Join(dir, "text"), filepath.Join(dir, "unrecorded")} {
		if _, err := os.Lstat(path); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Lstat(filepath.Join(dir, "fifo")); err == nil {
		t.Error("the FIFO is left")
	}
}

// A run may be killed between any two steps.
func TestCleanAfterEarlyDeath(t *testing.T) {
	for _, manifest := range []string{"none", "", `{"owner":{"pid":`} {
		home := t.TempDir()
		dir := leave(t, home, deadOwner(t))
		path := filepath.Join(dir, manifestName)
		err := os.WriteFile(path, []byte(manifest), 0o600)
		if manifest == "none" {
			err = os.Remove(path)
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := clean([]string{home}); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("manifest %q: the directory is left", manifest)
		}
	}
}

func TestParseManifestCutOff(t *testing.T) {
	const head = `{"owner":{"pid":7}}` + "\n" + `{"file":"Zmlmbw=="}` + "\n"
	for _, tt := range []struct {
		text    string
		records int
		ok      bool
	}{
		{head, 2, true},
		{head + `{"file":"Zm`, 2, true},
		{head + `{"file":"Zm` + "\n", 0, false},
		{`{"file":"Zmlmbw=="}` + "\n", 0, false},
		{"", 0, false},
	} {
		_, records, err := parseManifest([]byte(tt.text))
		if (err == nil) != tt.ok || tt.ok && len(records) != tt.records {
			t.Errorf("parseManifest(%q) = %d records, %v", tt.text, len(records), err)
		}
	}
}

func TestHomesAreDistinct(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", "/nonexistent")
	t.Setenv("TMPDIR", "/tmp/")
	list := homes()
	if slices.Contains(list, "/nonexistent") || len(list) != len(slices.Compact(slices.Clone(list))) || list[0] != "/tmp/" {
		t.Errorf("homes = %q", list)
	}
}

// TestCleanRemovesSharedMemory: that of the user's own runs, and nothing else.
func TestCleanRemovesSharedMemory(t *testing.T) {
	name := shmPrefix + strings.ToLower(rand.Text())
	other := strings.Replace(name, "ipctop", "other", 1)
	for _, n := range []string{name, other} {
		if err := os.WriteFile(shmDir+n, nil, 0o600); err != nil {
			t.Skip("/dev/shm cannot be written here: ", err)
		}
		defer os.Remove(shmDir + n)
	}
	home := t.TempDir()
	leave(t, home, deadOwner(t), record{Shm: name}, record{Shm: other})
	if _, err := clean([]string{home}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(shmDir + name); err == nil {
		t.Error("it is left")
	}
	if _, err := os.Lstat(shmDir + other); err != nil {
		t.Error(err)
	}
}
