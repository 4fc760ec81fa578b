package testfixtures

import "strconv"

func orphanSysvMsgFixtures() []Fixture {
	return []Fixture{{
		Name:  "orphan-sysv-msg",
		short: "omsg",
		Makes: "a System V queue with 2 messages whose sender and receiver have ended",
		explain: explanation{
			picture: "queue {id} (2 messages): nobody",
			calls: []string{
				"two processes: msgsnd({id}) three times, msgrcv({id}) once, exit(2)",
			},
			proc: []procFile{
				{"/proc/sysvipc/msg", "{id}"},
			},
			next: []string{"ipctop check", "ipctop show {object}"},
		},
		make:  func(m *maker) (object, error) { return makeOrphanMsg(m, true) },
		roles: map[string]func(*role) error{"snd": ending(msgSendRole), "rcv": ending(msgReceiveRole)},
	}, {
		Name:  "orphan-sysv-msg:control",
		short: "omsg-i",
		Makes: "a queue whose sender has ended and whose receiver still runs",
		explain: explanation{
			picture: "queue {id} (2 messages) → {1}",
			calls: []string{
				"a process: msgsnd({id}) three times, exit(2)",
				"{1}: msgrcv({id}) once, and lives",
			},
			proc: []procFile{
				{"/proc/sysvipc/msg", "{id}"},
			},
			next: []string{"ipctop show {object}"},
		},
		make:  func(m *maker) (object, error) { return makeOrphanMsg(m, false) },
		roles: map[string]func(*role) error{"snd": ending(msgSendRole), "rcv": msgReceiveRole},
	}}
}

func makeOrphanMsg(m *maker, orphan bool) (object, error) {
	id, err := m.makeSysV(sysvMsg, 0)
	if err != nil {
		return object{}, err
	}
	arg := part{args: []string{strconv.Itoa(id)}}
	if _, err := m.ended("snd", nil, arg); err != nil {
		return object{}, err
	}
	if orphan {
		_, err = m.ended("rcv", nil, arg)
	} else {
		_, err = m.start("rcv", nil, arg)
	}
	m.expectFinding(Diagnosis{Objects: []string{sysvMsg.id(id)}, Severity: "info", Confidence: "likely"})
	return aboutObject(sysvMsg.id(id)), err
}
