package recordfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/record"
)

func sample(minute int) *model.Snapshot {
	return &model.Snapshot{
		Schema: model.Schema, Taken: time.Date(2025, 3, 1, 12, minute, 0, 0, time.UTC),
		Processes: []*model.Process{{PID: minute + 1, Comm: "a", State: "S", Threads: 1}},
	}
}

func samples(t *testing.T, name string) *record.Recording {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	rec, err := record.Open(f, info.Size(), model.DefaultMaxMemory)
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

func TestContinues(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a.rec")
	for i := range 3 {
		f, err := Open(name, record.Keep{})
		if err != nil {
			t.Fatal(err)
		}
		if want := int64(3); i > 0 && f.CutOff() != want {
			t.Errorf("cut off %d bytes, want %d", f.CutOff(), want)
		}
		if _, err := Open(name, record.Keep{}); err == nil || !strings.Contains(err.Error(), "another recorder") {
			t.Errorf("a second recorder: %v", err)
		}
		if err := f.Append(sample(i)); err != nil || f.Samples() != 1 {
			t.Errorf("%d samples: %v", f.Samples(), err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		if rec := samples(t, name); rec.Len() != i+1 {
			t.Errorf("%d samples, want %d", rec.Len(), i+1)
		}
		// As a recorder that was killed leaves it.
		unfinished, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = unfinished.WriteString("xyz")
		unfinished.Close()
	}
}

// TestTrims: a trimmed recording replaces the file to which a symbolic link points, and the
// new file is locked.
func TestTrims(t *testing.T) {
	dir := t.TempDir()
	name, link := filepath.Join(dir, "a.rec"), filepath.Join(dir, "link")
	if err := os.Symlink("a.rec", link); err != nil {
		t.Fatal(err)
	}
	f, err := Open(link, record.Keep{Age: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const n = 200
	for i := range n {
		if err := f.Append(sample(i)); err != nil {
			t.Fatal(err)
		}
	}
	rec := samples(t, name)
	if rec.Len() >= n || rec.Len() == 0 || !rec.Time(rec.Len()-1).Equal(sample(n-1).Taken) {
		t.Errorf("%d samples are left of %d", rec.Len(), n)
	}
	if _, err := Open(name, record.Keep{}); err == nil || !strings.Contains(err.Error(), "another recorder") {
		t.Errorf("a second recorder: %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".*")); err != nil || len(left) != 0 {
		t.Errorf("left %q: %v", left, err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode().Type() != os.ModeSymlink {
		t.Errorf("the link is %v: %v", info, err)
	}
}

func TestRefuses(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte("no recording, and long enough to be one"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, says := range map[string]string{text: "not an ipctop recording", dir: "directory", "/dev/null": "no regular file"} {
		if _, err := Open(name, record.Keep{}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if b, err := os.ReadFile(text); err != nil || !strings.HasPrefix(string(b), "no recording") {
		t.Errorf("%q, %v", b, err)
	}
}
