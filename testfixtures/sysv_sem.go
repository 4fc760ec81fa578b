package testfixtures

import (
	"fmt"
	"strconv"
)

func sysvSemFixtures() []Fixture {
	return []Fixture{{
		Name:  "sysv-sem",
		short: "sem",
		Makes: "a set of 3 semaphores: one process waits for an increase of one of them, another for zero of a second one",
		explain: explanation{
			picture: "{1}, {2} wait at set {id}",
			calls: []string{
				"ipctop: semget(…, 3), semctl(SETVAL) to 2, 0 and 7",
				"{1}: semop({id}, [1: -1]) and does not return: semaphore 1 is 0",
				"{2}: semop({id}, [0: 0]) and does not return: semaphore 0 is not 0",
			},
			proc: []procFile{
				{"/proc/sysvipc/sem", "{id}"},
				{"/proc/{1}/syscall", ""},
			},
			next: []string{"ipctop show {object}", "ipctop why {1}"},
		},
		make:  makeSysVSem,
		roles: map[string]func(*role) error{"more": semWaitRole, "zero": semWaitRole},
	}}
}

// semValues are the values of the set. A process waits for semaphore 0 to become zero,
// another one for semaphore 1 to be raised.
var semValues = []int{2, 0, 7}

func makeSysVSem(m *maker) (object, error) {
	id, err := m.makeSysV(sysvSem, len(semValues))
	if err != nil {
		return object{}, err
	}
	for num, value := range semValues {
		if _, err := semControl(id, num, setVal, value); err != nil {
			return object{}, err
		}
	}
	for _, w := range []struct {
		role         string
		num, op, cmd int
	}{{"more", 1, -1, getNCnt}, {"zero", 0, 0, getZCnt}} {
		p, err := m.start(w.role, nil, part{args: []string{strconv.Itoa(id), strconv.Itoa(w.num), strconv.Itoa(w.op)}})
		if err != nil {
			return object{}, err
		}
		m.waits = append(m.waits, tree{
			"pid": p.pid, "tid": p.pid, "needs": "lock", "object": sysvSem.id(id), "confirmed": true, "idle": false, "unknown_releaser": true,
			"target": tree{"operations": []string{fmt.Sprintf("%d:%d", w.num, w.op)}},
		})
		if err := m.until("waiting for a semaphore", func() (bool, error) {
			n, err := semControl(id, w.num, w.cmd, 0)
			return n == 1, err
		}); err != nil {
			return object{}, err
		}
	}
	var sems []tree
	for num := range semValues {
		sem := tree{}
		for key, cmd := range map[string]int{"value": getVal, "ncount": getNCnt, "zcount": getZCnt, "last_pid": getPID} {
			if sem[key], err = semControl(id, num, cmd, 0); err != nil {
				return object{}, err
			}
		}
		sems = append(sems, sem)
	}
	st, err := sysvStat(sysvSem, id)
	return object{sysvSem.id(id), st.expect(id, tree{"count": len(sems), "sems": sems})}, err
}

// semWaitRole does an operation that blocks for ever: set, semaphore, operation.
func semWaitRole(r *role) error {
	var n [3]int
	for i := range n {
		var err error
		if n[i], err = strconv.Atoi(r.args[i]); err != nil {
			return err
		}
	}
	if err := r.ready(nil); err != nil {
		return err
	}
	go r.hold()
	err := semOperate(n[0], n[1], n[2])
	return fmt.Errorf("set %d: the wait is over: %w", n[0], err)
}
