package testfixtures

import (
	"fmt"
	"strconv"
)

func queueFullFixtures() []Fixture {
	return []Fixture{{
		Name:  "queue-full",
		short: "qfull",
		Makes: "a full System V queue at which a sender waits; its last receiver sleeps",
		explain: explanation{
			picture: "{2} → queue {id} FULL → {1} (idle)",
			calls: []string{
				"{1}: msgrcv({id}) once, then nothing",
				"{2}: msgsnd({id}, 500 bytes) until it does not return",
			},
			proc: []procFile{
				{"/proc/sysvipc/msg", "{id}"},
				{"/proc/{2}/syscall", ""},
			},
		},
		make:  makeFullMsg,
		roles: map[string]func(*role) error{"snd": ending(msgSendRole), "rcv": msgReceiveRole, "more": msgFillRole},
	}, {
		Name:  "queue-full:posix",
		short: "qfull-p",
		Makes: "a full POSIX queue at which a sender waits; another process has it open and sleeps",
		explain: explanation{
			picture: "{2} → queue FULL → {1} (idle)",
			calls: []string{
				"{1}: has the queue open, descriptor 3",
				"{2}: mq_send(3, …) and does not return",
			},
			proc: []procFile{
				{"/proc/{1}/fd/3", "/ipctop-fixture-"},
				{"/proc/{2}/syscall", "0x3"},
			},
		},
		make:  func(m *maker) (object, error) { return makeFullMq(m, true) },
		roles: map[string]func(*role) error{"rcv": holdRole, "snd": mqFillRole},
	}, {
		Name:  "queue-full:control",
		short: "qfull-i",
		Makes: "a full POSIX queue at which nobody waits",
		explain: explanation{
			picture: "nobody → queue FULL → {1}",
			calls: []string{
				"{1}: has the queue open, descriptor 3; nobody sends",
			},
			proc: []procFile{
				{"/proc/{1}/fd/3", "/ipctop-fixture-"},
			},
			next: []string{"ipctop show {object}"},
		},
		make:  func(m *maker) (object, error) { return makeFullMq(m, false) },
		roles: map[string]func(*role) error{"rcv": holdRole},
	}}
}

func makeFullMsg(m *maker) (object, error) {
	id, err := m.makeSysV(sysvMsg, 0)
	if err != nil {
		return object{}, err
	}
	if err := msgSetLimit(id, 4096); err != nil {
		return object{}, err
	}
	arg := part{args: []string{strconv.Itoa(id)}}
	if _, err := m.ended("snd", nil, arg); err != nil {
		return object{}, err
	}
	rcv, err := m.start("rcv", nil, arg)
	if err != nil {
		return object{}, err
	}
	snd, err := m.start("more", nil, arg)
	if err != nil {
		return object{}, err
	}
	m.expectFinding(Diagnosis{Root: rcv.pid, Victims: []int{snd.pid}, Objects: []string{sysvMsg.id(id)}})
	return aboutObject(sysvMsg.id(id)), m.blocked(snd)
}

// msgFillRole sends messages until it blocks.
func msgFillRole(r *role) error {
	id, err := strconv.Atoi(r.args[0])
	if err != nil {
		return err
	}
	if err := r.ready(nil); err != nil {
		return err
	}
	go r.hold()
	for err == nil {
		err = msgSend(id, 1, 500)
	}
	return fmt.Errorf("queue %d: the wait is over: %w", id, err)
}

func makeFullMq(m *maker, wait bool) (object, error) {
	name, fd, err := m.newMq()
	if err != nil {
		return object{}, err
	}
	for range mqMessages {
		if err := mqSend(fd, 10); err != nil {
			return object{}, err
		}
	}
	rcv, err := m.start("rcv", nil, part{fds: []int{fd}})
	if err != nil {
		return object{}, err
	}
	o, err := describeMq(fd, name)
	if err != nil || !wait {
		return aboutObject(o.id), err
	}
	snd, err := m.start("snd", nil, part{fds: []int{fd}})
	if err != nil {
		return object{}, err
	}
	m.expectFinding(Diagnosis{Root: rcv.pid, Victims: []int{snd.pid}, Objects: []string{o.id}})
	return aboutObject(o.id), m.blocked(snd)
}

func mqFillRole(r *role) error {
	if err := r.ready(nil); err != nil {
		return err
	}
	go r.hold()
	return fmt.Errorf("the wait is over: %w", mqSend(firstFD, 10))
}
