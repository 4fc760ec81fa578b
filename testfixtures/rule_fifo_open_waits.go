package testfixtures

import (
	"fmt"
	"os"

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
			var st unix.Stat_t
			if err := unix.Stat(path, &st); err != nil {
				return object{}, os.NewSyscallError("stat", err)
			}
			dev := fmt.Sprintf("%d:%d", unix.Major(uint64(st.Dev)), unix.Minor(uint64(st.Dev)))
			id := fmt.Sprintf("fifo:%s:%d", dev, st.Ino)
			m.finds(Diagnosis{Root: pids[0], Victims: pids, Objects: []string{id}, Severity: "warning"})
			return object{id, tree{"path": path, "dev": dev, "holders": []tree{}}}, nil
		}, makeReader, explanation{
			picture: "nobody → FIFO → {2}",
			calls: []string{
				"{2}: open(\"fifo-open-waits\", O_RDONLY) and does not return: nobody has it open for writing",
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
}
