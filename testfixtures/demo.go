package testfixtures

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Demo is the deadlock that the documentation pictures, and DemoPipe the full pipe
// beside it. The name "demo" means both, with the files in /tmp/demo, where the
// pictures have them.
const (
	Demo     = "deadlock:demo"
	DemoPipe = "pipe-full:demo"
)

// demoName is what both are asked for by, with the directory of the pictures.
const demoName = "demo"

// demoDir is the directory of the pictures. Tests have another one.
var demoDir = "/tmp/demo"

// demoRecord is the directory of the pictures as a run has made it.
type demoRecord struct {
	Path string `json:"path"`
	Dev  uint64 `json:"dev"`
	Ino  uint64 `json:"ino"`
}

// makeDemoDir makes the directory of the pictures, for this user alone. What is
// there already is somebody else's, whatever it is: also a symbolic link. Where there
// is no /tmp at all, the files are where those of other fixtures are.
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

// regularFile records a regular file of a fixture that is about to be made, and
// returns its path.
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

// removeDemo removes the directory of the pictures and the files in it, if it is
// the one that was made.
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
