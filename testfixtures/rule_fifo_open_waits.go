package testfixtures

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

func fifoOpenWaitsFixtures() []Fixture {
	return pair("fifo-open-waits", "fopen", "a process that opens a FIFO that nobody opens from the other end", "a process that reads from a pipe",
		func(m *maker) (object, error) {
			path, err := m.run.manifest.path("fifo-open-waits")
			if err != nil {
				return object{}, err
			}
			if err := unix.Mkfifo(path, 0o600); err != nil {
				return object{}, os.NewSyscallError("mkfifo", err)
			}
			pids, err := m.helperProcesses(nil, "opener -: open "+path)
			if err != nil {
				return object{}, err
			}
			m.finds(Diagnosis{Root: pids[0], Victims: pids, Severity: "warning"})
			return object{"process:" + strconv.Itoa(pids[0]), tree{"pid": pids[0], "comm": "fx-opener"}}, nil
		}, makeReader)
}
