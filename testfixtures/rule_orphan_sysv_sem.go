package testfixtures

import "strconv"

func orphanSysvSemFixtures() []Fixture {
	return []Fixture{{
		Name:  "orphan-sysv-sem",
		short: "osem",
		Makes: "a System V semaphore set whose last users have ended",
		explain: explanation{
			picture: "set {id}: nobody",
			calls: []string{
				"two processes: semop({id}, [+1]), exit(2)",
			},
			proc: []procFile{
				{"/proc/sysvipc/sem", "{id}"},
			},
			next: []string{"ipctop check", "ipctop show {object}"},
		},
		make:  func(m *maker) (object, error) { return makeOrphanSem(m, true) },
		roles: map[string]func(*role) error{"set": ending(semPostRole), "post": ending(semPostRole)},
	}, {
		Name:  "orphan-sysv-sem:control",
		short: "osem-i",
		Makes: "a set of which one of the last users still runs",
		explain: explanation{
			picture: "{1} – set {id}",
			calls: []string{
				"{1}: semop({id}, [1: +1]), and lives",
			},
			proc: []procFile{
				{"/proc/sysvipc/sem", "{id}"},
			},
			next: []string{"ipctop show {object}"},
		},
		make:  func(m *maker) (object, error) { return makeOrphanSem(m, false) },
		roles: map[string]func(*role) error{"set": ending(semPostRole), "post": semPostRole},
	}}
}

func makeOrphanSem(m *maker, orphan bool) (object, error) {
	id, err := m.makeSysV(sysvSem, 2)
	if err != nil {
		return object{}, err
	}
	if _, err := m.ended("set", nil, part{args: []string{strconv.Itoa(id), "0"}}); err != nil {
		return object{}, err
	}
	last := part{args: []string{strconv.Itoa(id), "1"}}
	if orphan {
		_, err = m.ended("post", nil, last)
	} else {
		_, err = m.start("post", nil, last)
	}
	m.expectFinding(Diagnosis{Objects: []string{sysvSem.id(id)}, Severity: "info", Confidence: "likely"})
	return aboutObject(sysvSem.id(id)), err
}

// semPostRole increments a semaphore: set, number.
func semPostRole(r *role) error {
	id, err := strconv.Atoi(r.args[0])
	if err != nil {
		return err
	}
	num, err := strconv.Atoi(r.args[1])
	if err != nil {
		return err
	}
	if err := semOperate(id, num, 1); err != nil {
		return err
	}
	return r.readyAndHold(nil)
}
