package testfixtures

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// blocked waits until the main thread of a holder is blocked.
func (m *maker) blocked(p *process) error { return m.blockedThread(p.pid) }

// blockedThread waits until a thread is blocked or stopped: its state must be so in several
// samples between which it has not run.
func (m *maker) blockedThread(tid int) error {
	var last string
	same := 0
	return m.until("blocked", func() (bool, error) {
		_, state, err := startTicks(tid)
		if err != nil {
			return false, err
		}
		runs, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/schedstat", tid, tid))
		if err != nil {
			return false, err
		}
		if state != 'S' && state != 'T' || string(runs) != last {
			same, last = 0, string(runs)
			return false, nil
		}
		same++
		return same == 5, nil
	})
}

// blockedPipeFixtures are pipes on which a process waits.
func blockedPipeFixtures() []Fixture {
	roles := map[string]func(*role) error{"w": holdRole, "r": holdRole, "rd": readForGoodRole, "wr": writeForGoodRole}
	return []Fixture{{
		Name:  "pipe:reader",
		short: "piperd",
		Makes: "an empty pipe: its reader waits for the writer",
		explain: explanation{
			picture: "{1} (does not write) → empty pipe → {2} waits",
			calls: []string{
				"{2}: read(3, …, 1) and does not return",
				"{1}: has the write end, descriptor 3",
			},
			proc: []procFile{
				{"/proc/{2}/fd/3", "pipe:[{id}]"},
				{"/proc/{2}/syscall", "0x3"},
			},
			next: []string{"ipctop why {2}", "ipctop show {object}"},
		},
		make:  func(m *maker) (object, error) { return makeBlockedPipe(m, "w", "rd") },
		roles: roles,
	}, {
		Name:  "pipe:writer",
		short: "pipewr",
		Makes: "a full pipe: its writer waits for the reader",
		explain: explanation{
			picture: "{1} waits → pipe FULL → {2} (does not read)",
			calls: []string{
				"{1}: write(3, …, 4194304) and does not return",
				"{2}: has the read end, descriptor 3",
			},
			proc: []procFile{
				{"/proc/{1}/fd/3", "pipe:[{id}]"},
				{"/proc/{1}/syscall", "0x3"},
			},
			next: []string{"ipctop why {1}", "ipctop show {object}"},
		},
		make:  func(m *maker) (object, error) { return makeBlockedPipe(m, "wr", "r") },
		roles: roles,
	}}
}

func makeBlockedPipe(m *maker, writer, reader string) (object, error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return object{}, fmt.Errorf("pipe: %w", err)
	}
	m.own(fds[:]...)
	w, err := m.start(writer, nil, part{fds: fds[1:]})
	if err != nil {
		return object{}, err
	}
	r, err := m.start(reader, nil, part{fds: fds[:1]})
	if err != nil {
		return object{}, err
	}
	stuck, other, call, needs := r, w, "read", "data"
	if writer == "wr" {
		stuck, other, call, needs = w, r, "write", "space"
	}
	if err := m.blocked(stuck); err != nil {
		return object{}, err
	}
	ino, err := inode(fds[0])
	id := "pipe:" + ino
	m.waits = []tree{{
		"pid": stuck.pid, "tid": stuck.pid, "comm": stuck.comm, "call": call, "needs": needs, "object": id, "target": tree{"fd": firstFD},
		"age_source": "sched", "confirmed": true, "idle": false, "blockers": []tree{{"pid": other.pid, "comm": other.comm}},
	}}
	return object{id, tree{"ino": ino, "holders": []tree{w.fd(firstFD, "w"), r.fd(firstFD, "r")}}}, err
}

func readForGoodRole(r *role) error {
	if err := r.ready(nil); err != nil {
		return err
	}
	go r.hold()
	var b [1]byte
	n, err := unix.Read(firstFD, b[:])
	return fmt.Errorf("the wait is over: read %d, %w", n, err)
}

func writeForGoodRole(r *role) error {
	if err := r.ready(nil); err != nil {
		return err
	}
	go r.hold()
	return write(firstFD, 4<<20)
}
