package testfixtures

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
)

func fifoOpenWaitsFixtures() []Fixture {
	list := pair("fifo-open-waits", "fopen", "a process that opens a FIFO to write, which nobody opens to read", "a process that reads from a pipe",
		func(m *maker) (object, error) {
			return makeFIFOOpen(m, "open-write", "fifo-open-waits", Diagnosis{Severity: model.Warning, Confidence: model.Certain})
		}, makeReader, explanation{
			picture: "{2} → FIFO → nobody",
			calls: []string{
				"{2}: open(\"fifo-open-waits\", O_WRONLY) and does not return: nobody has it open to read",
			},
			proc: []procFile{
				{"/proc/{2}/syscall", ""},
				{"/proc/{2}/wchan", ""},
			},
		}, explanation{
			picture: "{3} (idle) → pipe → {2}",
			calls: []string{
				"{2}: read(3) and does not return",
			},
			proc: []procFile{
				{"/proc/{2}/fd/3", "pipe:[{id}]"},
				{"/proc/{2}/syscall", "0x3"},
			},
			next: []string{"ipctop why {2}"},
		})
	return append(list, Fixture{
		Name: "fifo-open-waits:read", short: "fopen-r", Makes: "a process that opens a FIFO to read, which nobody opens to write: it may wait for work",
		make: func(m *maker) (object, error) {
			return makeFIFOOpen(m, "open-read", "fifo-open-waits-read", Diagnosis{Severity: model.Warning, Confidence: model.Possible})
		},
		roles: helperRoles(),
		explain: explanation{
			picture: "nobody → FIFO → {2}",
			calls: []string{
				"{2}: open(\"fifo-open-waits-read\", O_RDONLY) and does not return: nobody has it open to write",
			},
			proc: []procFile{
				{"/proc/{2}/syscall", ""},
				{"/proc/{2}/wchan", ""},
			},
		},
	})
}

// makeFIFOOpen makes a process that opens a FIFO whose other end nobody opens.
func makeFIFOOpen(m *maker, call, name string, d Diagnosis) (object, error) {
	path, err := m.run.manifest.path(name)
	if err != nil {
		return object{}, err
	}
	if err := unix.Mkfifo(path, 0o600); err != nil {
		return object{}, os.NewSyscallError("mkfifo", err)
	}
	pids, err := m.helperProcesses(nil, "opener -: "+call+" "+path)
	if err != nil {
		return object{}, err
	}
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return object{}, os.NewSyscallError("stat", err)
	}
	dev := fmt.Sprintf("%d:%d", unix.Major(uint64(st.Dev)), unix.Minor(uint64(st.Dev)))
	id := fmt.Sprintf("fifo:%s:%d", dev, st.Ino)
	d.Root, d.Victims, d.Objects = pids[0], pids, []string{id}
	m.expectFinding(d)
	return object{id, tree{"path": path, "dev": dev, "holders": []tree{}}}, nil
}
