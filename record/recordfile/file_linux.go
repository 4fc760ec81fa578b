package recordfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/privilege"
	"github.com/ipctop/ipctop/record"
)

// File is a recording that is being written. It is locked, so that no other recorder
// writes to it.
type File struct {
	name    string
	file    *os.File
	w       *record.Writer
	samples int
	cutOff  int64
}

// Samples is how many samples this recorder has appended.
func (t *File) Samples() int { return t.samples }

// CutOff returns how many unfinished bytes an earlier recorder had left at the end. They were
// removed.
func (t *File) CutOff() int64 { return t.cutOff }

// Open creates a recording or continues one; keep limits how much of it is kept.
// A file that is not a recording, or that another recorder is writing to, is an error.
// Files are opened with the user's own rights ([privilege.AsUser]).
func Open(name string, keep record.Keep) (t *File, err error) {
	err = privilege.AsUser(func() error {
		t, err = open(name, keep)
		return err
	})
	return t, err
}

func open(name string, keep record.Keep) (*File, error) {
	f, created, err := lockFile(name)
	if err != nil {
		return nil, err
	}
	if path, err := filepath.EvalSymlinks(name); err == nil {
		name = path // trimming must replace the file, not a symbolic link to it
	}
	t := &File{name: name, file: f}
	if err := t.begin(keep); err != nil {
		if created {
			err = errors.Join(err, os.Remove(name)) // nothing was recorded
		}
		f.Close()
		return nil, err
	}
	_ = os.Remove(t.temporaryName()) // left by a recorder that was killed; nobody else writes it
	return t, nil
}

// lockFile opens or creates a file and locks it for this process.
func lockFile(name string) (f *os.File, created bool, err error) {
	for {
		_, missing := os.Lstat(name)
		// O_NONBLOCK, as opening a FIFO would wait for a reader.
		f, err = os.OpenFile(name, os.O_RDWR|os.O_CREATE|unix.O_NONBLOCK|unix.O_NOCTTY, 0o600)
		if err != nil {
			return nil, false, err
		}
		info, err := f.Stat()
		if err == nil && !info.Mode().IsRegular() {
			err = fmt.Errorf("%s is no regular file", name)
		}
		if err == nil {
			err = lock(f, name)
		}
		if err != nil {
			f.Close()
			return nil, false, err
		}
		// Another recorder may have put a new file in its place meanwhile.
		if now, err := os.Stat(name); err == nil && os.SameFile(info, now) {
			return f, errors.Is(missing, fs.ErrNotExist) && info.Size() == 0, nil
		}
		f.Close()
	}
}

func lock(f *os.File, name string) error {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return fmt.Errorf("another recorder is writing to %s", name)
	}
	if err != nil {
		return fmt.Errorf("flock %s: %w", name, err)
	}
	return nil
}

// begin finds the end of a recording, or begins one.
func (t *File) begin(keep record.Keep) error {
	info, err := t.file.Stat()
	if err != nil {
		return err
	}
	if info.Size() > 0 {
		rec, err := record.Open(t.file, info.Size(), model.DefaultMaxMemory)
		if err != nil {
			return fmt.Errorf("%s: %w: it is left as it is", t.name, err)
		}
		if rec.End() > 0 {
			t.cutOff = info.Size() - rec.End()
			if _, err := t.file.Seek(rec.End(), io.SeekStart); err != nil {
				return err
			}
			t.w, err = record.Continue(t.file, rec, keep)
			return err
		}
		if err := t.file.Truncate(0); err != nil { // truncated within its header
			return err
		}
	}
	if t.w, err = record.Create(t.file, keep); err != nil {
		return err
	}
	return syncDir(t.name)
}

// Append adds a sample, writes it to the disk, and removes samples beyond the limit of
// keep.
func (t *File) Append(s *model.Snapshot) error {
	if err := t.w.Append(s); err != nil {
		return fmt.Errorf("write %s: %w", t.name, cause(err))
	}
	t.samples++
	n := t.w.Excess(s.Taken)
	if n == 0 {
		return nil
	}
	if err := privilege.AsUser(func() error { return t.trim(n) }); err != nil {
		return fmt.Errorf("remove old samples of %s: %w", t.name, err)
	}
	return nil
}

// cause removes the file's name from an error to which the caller will add it.
func cause(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// temporaryName returns the name of the file to which a trimmed recording is written before it is renamed.
func (t *File) temporaryName() string {
	dir, base := filepath.Split(t.name)
	return filepath.Join(dir, "."+base+".new")
}

// trim replaces this recording by one without its oldest groups. At any time the name
// refers to one of the two, which is complete.
func (t *File) trim(groups int) (err error) {
	name := t.temporaryName()
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	inPlace := false
	defer func() {
		if !inPlace {
			f.Close()
			err = errors.Join(err, os.Remove(name))
		}
	}()
	// Lock it before it gets its name, so that no other recorder can lock it first.
	if err := lock(f, name); err != nil {
		return err
	}
	w, err := t.w.Drop(groups, f, t.file)
	if err != nil {
		return err
	}
	if err := os.Rename(name, t.name); err != nil {
		return err
	}
	inPlace = true
	t.file.Close()
	t.file, t.w = f, w
	return syncDir(t.name)
}

// syncDir makes sure that a file's name is on the disk, too. Not every file system
// supports that.
func syncDir(name string) error {
	d, err := os.Open(filepath.Dir(name))
	if err != nil {
		return nil // a directory may be writable but not readable
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOTSUP) {
		return err
	}
	return nil
}

// Close ends the recording and releases its lock.
func (t *File) Close() error { return t.file.Close() }
