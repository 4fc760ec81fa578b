package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/privilege"
)

// saveDump writes a snapshot to a new file in the current directory, or in ipctop's state
// directory if that is not writable. Only its owner may read the file: it contains the
// command lines of all processes. It returns the file's full name.
func saveDump(s *model.Snapshot) (path string, err error) {
	err = privilege.AsUser(func() error {
		path, err = saveDumpAsUser(s)
		return err
	})
	return path, err
}

func saveDumpAsUser(s *model.Snapshot) (string, error) {
	dir, err := os.Getwd()
	if err == nil {
		var path string
		if path, err = saveDumpIn(dir, s); err == nil {
			return path, nil
		}
	}
	state, err2 := stateDir(os.Getenv)
	if err2 != nil {
		return "", errors.Join(err, err2)
	}
	if err2 := os.MkdirAll(state, 0o700); err2 != nil {
		return "", errors.Join(err, err2)
	}
	return saveDumpIn(state, s)
}

// maxSameName limits how many dumps may have the same second in their names.
const maxSameName = 100

func saveDumpIn(dir string, s *model.Snapshot) (string, error) {
	name := dumpName(s)
	for i := range maxSameName {
		path := filepath.Join(dir, name+".json")
		if i > 0 {
			path = filepath.Join(dir, fmt.Sprintf("%s-%d.json", name, i+1))
		}
		// O_EXCL follows no symbolic link: the directory may be writable by anybody.
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return "", err
		}
		if err := errors.Join(model.Encode(f, s), f.Close()); err != nil {
			return "", errors.Join(err, os.Remove(path))
		}
		return path, nil
	}
	return "", fmt.Errorf("there are %d files %s-N.json in %s already", maxSameName, name, dir)
}

// dumpName is ipctop-HOST-TIME.
func dumpName(s *model.Snapshot) string {
	host := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-':
			return r
		}
		return -1
	}, s.Host.Hostname)
	return strings.TrimSuffix("ipctop-"+host, "-") + "-" + s.Taken.UTC().Format("20060102T150405Z")
}
