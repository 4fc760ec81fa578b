package testfixtures

import (
	"fmt"
	"strconv"
)

func semOwnerDeadFixtures() []Fixture {
	sem := func(m *maker, ends bool) (p *process, id string, err error) {
		n, err := m.makeSysV(sysvSem, 1)
		if err != nil {
			return nil, "", err
		}
		args := part{args: []string{strconv.Itoa(n)}}
		if ends {
			_, err = m.ended("take", nil, args)
		} else {
			_, err = m.start("take", nil, args)
		}
		if err != nil {
			return nil, "", err
		}
		if p, err = m.start("want", nil, args); err == nil {
			err = m.blocked(p)
		}
		return p, sysvSem.id(n), err
	}
	list := pair("sem-owner-dead", "smdd", "a process that waits for a semaphore; the process that took it has ended", "a process that waits for a semaphore; the process that took it still runs",
		func(m *maker) (object, error) {
			p, id, err := sem(m, true)
			if err == nil {
				m.expectFinding(Diagnosis{Victims: []int{p.pid}, Objects: []string{id}, Severity: "critical", Confidence: "likely"})
			}
			return aboutObject(id), err
		}, func(m *maker) (object, error) {
			_, id, err := sem(m, false)
			return aboutObject(id), err
		}, explanation{
			picture: "{1} → set {id}, taken by a process that has ended",
			calls: []string{
				"a process: semop({id}, [0: -1]) without SEM_UNDO, then exit(2)",
				"{1}: semop({id}, [0: -1]) and does not return",
			},
			proc: []procFile{
				{"/proc/sysvipc/sem", "{id}"},
				{"/proc/{1}/syscall", ""},
			},
		}, explanation{
			picture: "{2} → set {id}, taken by {1}",
			calls: []string{
				"{1}: semop({id}, [0: -1]) = 0, and lives",
				"{2}: semop({id}, [0: -1]) and does not return",
			},
			proc: []procFile{
				{"/proc/sysvipc/sem", "{id}"},
				{"/proc/{2}/syscall", ""},
			},
			next: []string{"ipctop why {2}"},
		})
	take := func(r *role) error {
		id, err := strconv.Atoi(r.args[0])
		if err == nil {
			err = semOperate(id, 0, 1)
		}
		if err == nil {
			err = semOperate(id, 0, -1)
		}
		if err != nil {
			return err
		}
		return r.readyAndHold(nil)
	}
	want := func(r *role) error {
		id, err := strconv.Atoi(r.args[0])
		if err != nil {
			return err
		}
		if err := r.ready(nil); err != nil {
			return err
		}
		go r.hold()
		return fmt.Errorf("the wait is over: %w", semOperate(id, 0, -1))
	}
	for i := range list {
		list[i].roles["take"], list[i].roles["want"] = take, want
	}
	list[0].roles["take"] = ending(take)
	return list
}
