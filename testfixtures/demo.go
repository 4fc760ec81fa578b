package testfixtures

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Demo is the deadlock shown in the documentation's pictures, and DemoPipe the full pipe
// next to it. The name "demo" means both, with their files in /tmp/demo as in the pictures.
const (
	Demo     = "deadlock:demo"
	DemoPipe = "pipe-full:demo"
)

// demoName asks for both, with their files in the directory of the pictures.
const demoName = "demo"

// demoDir is the directory of the pictures. Tests use another one.
var demoDir = "/tmp/demo"

// demoRecord identifies the directory of the pictures that a run made.
type demoRecord struct {
	Path string `json:"path"`
	Dev  uint64 `json:"dev"`
	Ino  uint64 `json:"ino"`
}

// makeDemoDir makes the directory of the pictures, for this user alone. It fails if
// anything of that name exists, even a symbolic link: that belongs to somebody else. If
// there is no /tmp, the files go where those of other fixtures are.
func (m *manifest) makeDemoDir() error {
	err := unix.Mkdir(demoDir, 0o700)
	switch {
	case err == unix.ENOENT:
		return nil
	case err == unix.EEXIST:
		return fmt.Errorf("%s is there already (ipctop fixtures --clean removes what a killed run left)", demoDir)
	case err != nil:
		return &os.PathError{Op: "mkdir", Path: demoDir, Err: err}
	}
	var st unix.Stat_t
	if err = unix.Lstat(demoDir, &st); err == nil {
		m.demo = &demoRecord{demoDir, uint64(st.Dev), st.Ino}
		err = m.append(record{Demo: m.demo}, true)
	}
	if err != nil {
		return errors.Join(err, unix.Rmdir(demoDir))
	}
	return nil
}

// regularFile records a regular file that a fixture is about to make, and returns its path.
func (m *maker) regularFile(name string) (string, error) {
	man := m.run.manifest
	inDemo := m.fixture.Name == Demo && man.demo != nil
	if err := man.append(record{File: []byte(name), Regular: true, InDemo: inDemo}, true); err != nil {
		return "", err
	}
	if inDemo {
		return filepath.Join(man.demo.Path, name), nil
	}
	return filepath.Join(man.dir, name), nil
}

// removeDemo removes the directory of the pictures and its files, if it is the directory
// that the run made.
func removeDemo(report *Report, d *demoRecord, records []record) {
	dir, err := openPrivateDir(d.Path)
	if errors.Is(err, os.ErrNotExist) {
		return
	}
	if err != nil {
		report.keep("%v", err)
		return
	}
	defer unix.Close(dir)
	var st unix.Stat_t
	if err := unix.Fstat(dir, &st); err != nil || uint64(st.Dev) != d.Dev || st.Ino != d.Ino {
		report.keep("%s: not the directory that the run made", d.Path)
		return
	}
	for _, r := range records {
		if r.InDemo {
			removeFile(report, dir, d.Path, string(r.File), r.Regular)
		}
	}
	removeDir(report, d.Path)
}
