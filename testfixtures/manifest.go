package testfixtures

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A run has its own directory for everything with a path. In it is the manifest: a line for
// each thing that outlives processes, written before the thing is made. The directory's
// name identifies the run, so that the owner of an empty one is known, too.
const (
	dirPrefix    = "ipctop-fixtures-"
	manifestName = "manifest"
)

// record is a line of the manifest. One field is set, together with the fields that qualify it.
type record struct {
	Owner   *owner      `json:"owner,omitempty"`
	Process *owned      `json:"process,omitempty"`
	File    []byte      `json:"file,omitempty"`    // name in the directory, any bytes
	Regular bool        `json:"regular,omitempty"` // with File: it is a regular one
	InDemo  bool        `json:"in_demo,omitempty"` // with File: it is in the directory of the pictures
	Demo    *demoRecord `json:"demo,omitempty"`    // that directory
	SysV    *sysvRecord `json:"sysv,omitempty"`
	Shm     string      `json:"shm,omitempty"` // name of a file on /dev/shm
	Mq      string      `json:"mq,omitempty"`  // name of a POSIX message queue, without the slash
}

// owned is a holder process.
type owned struct {
	PID        int    `json:"pid"`
	StartTicks uint64 `json:"start_ticks"`
}

// sysvRecord is a System V object. A first record has the key, before the object exists; a
// second one adds the id once it is made.
type sysvRecord struct {
	Type    sysvType `json:"type"`
	Key     int32    `json:"key"`
	ID      int      `json:"id"`   // -1: about to be made
	UID     uint32   `json:"uid"`  // of its creator
	CPID    int32    `json:"cpid"` // shared memory: its creator; else 0
	Changed int64    `json:"ctime"`
}

// manifest is the open manifest of a run that is under way.
type manifest struct {
	dir   string
	owner owner
	demo  *demoRecord // nil if the demo was not asked for

	mu      sync.Mutex
	file    *os.File
	records []record
}

// newManifest makes the directory and starts the manifest.
func newManifest() (*manifest, error) {
	o, err := thisProcess()
	if err != nil {
		return nil, err
	}
	m := &manifest{owner: o}
	pattern := fmt.Sprintf("%s%d-%d-%d-*", dirPrefix, os.Geteuid(), o.PID, o.StartTicks)
	for _, home := range homes() {
		if m.dir, err = os.MkdirTemp(home, pattern); err == nil {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("no directory for temporary files (TMPDIR names one): %w", err)
	}
	m.file, err = os.OpenFile(filepath.Join(m.dir, manifestName), os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
	if err == nil {
		err = m.append(record{Owner: &o}, true)
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(m.dir))
	}
	return m, nil
}

// homes are the directories in which runs may make theirs, the preferred one first. An image made from scratch has no /tmp, but every
// container has a /dev/shm. All are searched for leftovers, as the environment may have been different in an earlier run.
func homes() []string {
	list := []string{os.Getenv("XDG_RUNTIME_DIR"), os.TempDir(), fmt.Sprintf("/run/user/%d", os.Geteuid()), "/tmp", "/dev/shm"}
	if unix.Access(list[0], unix.W_OK|unix.X_OK) != nil || !filepath.IsAbs(list[0]) {
		list = list[1:]
	}
	seen := map[string]bool{}
	return slices.DeleteFunc(list, func(dir string) bool {
		real, err := filepath.EvalSymlinks(dir)
		if err != nil {
			real = dir
		}
		again := seen[real]
		seen[real] = true
		return again
	})
}

// append writes one record; kept says that it must survive a power failure.
func (m *manifest) append(r record, kept bool) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, err := m.file.Write(append(b, '\n')); err != nil {
		return err
	}
	m.records = append(m.records, r)
	if kept {
		return m.file.Sync()
	}
	return nil
}

// noteProcess records a holder. It ends with its parent-death pipe, unless it is stopped at that time.
func (m *manifest) noteProcess(pid int) error {
	ticks, _, err := startTicks(pid)
	if err != nil {
		return err
	}
	return m.append(record{Process: &owned{pid, ticks}}, false)
}

// path records a file that is about to be made, and returns its path.
func (m *manifest) path(name string) (string, error) {
	if err := m.append(record{File: []byte(name)}, true); err != nil {
		return "", err
	}
	return filepath.Join(m.dir, name), nil
}

// noteSysV records a System V object that is about to be made, or was made.
func (m *manifest) noteSysV(r sysvRecord) error { return m.append(record{SysV: &r}, true) }

// noteMq records a POSIX message queue that is about to be made.
func (m *manifest) noteMq(name string) error { return m.append(record{Mq: name}, true) }

// removeAll removes what is recorded, and the directory.
func (m *manifest) removeAll() Report {
	m.mu.Lock()
	defer m.mu.Unlock()
	defer m.file.Close()
	var report Report
	dir, err := openPrivateDir(m.dir)
	if err != nil {
		report.keep("%v", err)
		return report
	}
	defer unix.Close(dir)
	removeRecorded(&report, dir, m.dir, m.owner, m.records)
	return report
}

// parseManifest reads a manifest. An incomplete last line is ignored: what it was to record
// was not made.
func parseManifest(b []byte) (owner, []record, error) {
	var o owner
	var records []record
	lines := bufio.NewScanner(bytes.NewReader(b))
	lines.Buffer(nil, len(b)+1)
	for lines.Scan() {
		var r record
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			if !bytes.HasSuffix(b, append(lines.Bytes(), '\n')) && bytes.HasSuffix(b, lines.Bytes()) {
				break
			}
			return o, nil, fmt.Errorf("line %d: %w", len(records)+1, err)
		}
		if r.Owner != nil {
			o = *r.Owner
		}
		records = append(records, r)
	}
	if o.PID == 0 {
		return o, nil, errors.New("it does not say whose it is")
	}
	return o, records, nil
}

// now is the time in the form that System V objects have: the kernel's coarse clock, which
// lags behind the fine one.
func now() int64 { return time.Now().Unix() }
