package testfixtures

import (
	"fmt"
	"strconv"
)

func noMessageOfTypeFixtures() []Fixture {
	roles := map[string]func(*role) error{"snd": msgSendRole, "rcv": msgAwaitRole}
	return []Fixture{{
		Name:  "no-message-of-type",
		short: "mtype",
		Makes: "a System V queue with 3 messages, and a receiver that waits for another type",
		explain: explanation{
			picture: "{1} → queue {id} (types 1, 2, 3) → {2} wants type 9",
			calls: []string{
				"{1}: msgsnd({id}) of types 1, 2 and 3",
				"{2}: msgrcv({id}, type 9) and does not return",
			},
			proc: []procFile{
				{"/proc/sysvipc/msg", "{id}"},
				{"/proc/{2}/syscall", ""},
			},
			next: []string{"ipctop why {2}", "ipctop show {object} --types"},
		},
		make:  func(m *maker) (object, error) { return makeMsgOfType(m, true) },
		roles: roles,
	}, {
		Name:  "no-message-of-type:control",
		short: "mtype-i",
		Makes: "an empty queue, and a receiver that waits for a message of one type",
		explain: explanation{
			picture: "empty queue {id} → {1} wants type 9",
			calls: []string{
				"{1}: msgrcv({id}, type 9) and does not return",
			},
			proc: []procFile{
				{"/proc/sysvipc/msg", "{id}"},
				{"/proc/{1}/syscall", ""},
			},
			next: []string{"ipctop why {1}"},
		},
		make:  func(m *maker) (object, error) { return makeMsgOfType(m, false) },
		roles: roles,
	}}
}

func makeMsgOfType(m *maker, others bool) (object, error) {
	id, err := m.makeSysV(sysvMsg, 0)
	if err != nil {
		return object{}, err
	}
	arg := part{args: []string{strconv.Itoa(id)}}
	if others {
		if _, err := m.start("snd", nil, arg); err != nil {
			return object{}, err
		}
	}
	rcv, err := m.start("rcv", nil, arg)
	if err != nil {
		return object{}, err
	}
	m.expectFinding(Diagnosis{Victims: []int{rcv.pid}, Objects: []string{sysvMsg.id(id)}, Severity: "warning"})
	return aboutObject(sysvMsg.id(id)), m.blocked(rcv)
}

// msgAwaitRole waits for a message of type 9, which nobody sends.
func msgAwaitRole(r *role) error {
	id, err := strconv.Atoi(r.args[0])
	if err != nil {
		return err
	}
	if err := r.ready(nil); err != nil {
		return err
	}
	go r.hold()
	_, err = msgReceive(id, 9)
	return fmt.Errorf("queue %d: the wait is over: %w", id, err)
}
