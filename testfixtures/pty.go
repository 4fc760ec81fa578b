package testfixtures

import (
	"fmt"

	"golang.org/x/sys/unix"
)

func ptyFixtures() []Fixture {
	return []Fixture{{
		Name:  "pty",
		Makes: "a pseudoterminal whose master has 8 bytes of output to read",
		explain: explanation{
			picture: "{2} → pseudoterminal (8 bytes) → {1}",
			calls: []string{
				"{1}: has the master (/dev/ptmx), descriptor 3, and does not read",
				"{2}: has the slave (/dev/pts/N), descriptor 3; 8 bytes were written to it",
			},
			proc: []procFile{
				{"/proc/{1}/fdinfo/3", "tty-index:"},
				{"/proc/{2}/fd/3", "/dev/pts/"},
			},
		},
		Needs: "a devpts with /dev/ptmx",
		make:  makePty,
		roles: map[string]func(*role) error{"m": holdRole, "s": holdRole},
	}, {
		Name:  "pty:namespace",
		short: "pty-ns",
		Makes: "a pseudoterminal of another devpts instance, in another mount namespace",
		explain: explanation{
			picture: "{1} has both ends, in a mount namespace of its own",
			calls: []string{
				"{1}: mount(\"devpts\", \"/dev/pts\", newinstance), open(\"/dev/ptmx\"), open(\"/dev/pts/0\")",
			},
			proc: []procFile{
				{"/proc/{1}/ns/mnt", "mnt:["},
				{"/proc/{1}/mountinfo", "devpts"},
			},
		},
		Needs: needsNamespaces,
		make:  makePtyNamespace,
		roles: map[string]func(*role) error{"h": ptyNamespaceRole},
	}}
}

// terminal is an open pseudoterminal.
type terminal struct {
	Master, Slave, Index int
	Device               string // device of the devpts instance
}

func openTerminal() (t terminal, err error) {
	if t.Master, err = unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0); err != nil {
		return t, needing("a devpts with /dev/ptmx", fmt.Errorf("/dev/ptmx: %w", err))
	}
	if t.Index, err = unix.IoctlGetInt(t.Master, unix.TIOCGPTN); err == nil {
		if err = unix.IoctlSetPointerInt(t.Master, unix.TIOCSPTLCK, 0); err == nil {
			t.Slave, err = unix.Open(fmt.Sprintf("/dev/pts/%d", t.Index), unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
		}
	}
	var st unix.Stat_t
	if err == nil {
		err = unix.Fstat(t.Slave, &st)
	}
	t.Device = fmt.Sprintf("%d:%d", unix.Major(uint64(st.Dev)), unix.Minor(uint64(st.Dev)))
	return t, err
}

func (t *terminal) object(master, slave tree) object {
	master["access"], slave["access"] = "rw", "rw"
	master["flags"], slave["flags"] = []string{"master"}, []string{"slave"}
	return object{fmt.Sprintf("pty:%s:%d", t.Device, t.Index), tree{
		"dev": t.Device, "holders": []tree{master, slave}, "detail": tree{"index": t.Index, "session": 0, "foreground_pgrp": 0},
	}}
}

func makePty(m *maker) (object, error) {
	t, err := openTerminal()
	if err != nil {
		return object{}, err
	}
	m.own(t.Master, t.Slave)
	if err := write(t.Slave, 8); err != nil {
		return object{}, err
	}
	// A kernel worker moves the output there.
	err = m.until("output at the master", func() (bool, error) {
		n, err := queued(t.Master)
		return n == 8, err
	})
	if err != nil {
		return object{}, err
	}
	master, err := m.start("m", nil, part{fds: []int{t.Master}})
	if err != nil {
		return object{}, err
	}
	slave, err := m.start("s", nil, part{fds: []int{t.Slave}})
	if err != nil {
		return object{}, err
	}
	o := t.object(master.fd(firstFD, ""), slave.fd(firstFD, ""))
	o.expect["detail"].(tree)["queued"] = 8
	return o, nil
}

func makePtyNamespace(m *maker) (object, error) {
	var t terminal
	p, err := m.start("h", &t, part{namespaces: unix.CLONE_NEWNS})
	if err != nil {
		return object{}, err
	}
	return t.object(p.fd(t.Master, ""), p.fd(t.Slave, "")), nil
}

// ptyNamespaceRole mounts its own devpts, which no other process sees.
func ptyNamespaceRole(r *role) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return needing(needsNamespaces, fmt.Errorf("make mounts private: %w", err))
	}
	if err := unix.Mount("devpts", "/dev/pts", "devpts", 0, "newinstance,ptmxmode=0666"); err != nil {
		return needing(needsNamespaces, fmt.Errorf("mount devpts: %w", err))
	}
	t, err := openTerminal()
	if err != nil {
		return err
	}
	return r.readyAndHold(&t)
}
