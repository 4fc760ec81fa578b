package testfixtures

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

func databaseLockFixtures() []Fixture {
	roles := map[string]func(*role) error{"keeps": sessionRole, "wants": sessionRole}
	return []Fixture{{
		Name: "database-lock", short: "dbl", Makes: "two processes with titles of PostgreSQL sessions; one says that it waits for a lock",
		explain: explanation{
			picture: "{2} → row or table locked by {1}",
			calls: []string{
				"{1}: sets its title to \"ann shop [local] idle in transaction\"",
				"{2}: sets its title to \"ann shop [local] UPDATE waiting\"",
			},
			proc: []procFile{
				{"/proc/{2}/cmdline", "UPDATE waiting"},
				{"/proc/{1}/cmdline", "idle in transaction"},
			},
		},
		roles: roles,
		make: func(m *maker) (object, error) {
			return makeSessions(m, "ann shop [local] idle in transaction", "ann shop [local] UPDATE waiting", true)
		},
	}, {
		Name: "database-lock:control", short: "dbl-i", Makes: "two such processes, neither of which waits",
		explain: explanation{
			picture: "{1}, {2}: sessions, neither of which waits",
			calls: []string{
				"{2}: sets its title to \"ann depot [local] idle\"",
			},
			proc: []procFile{
				{"/proc/{2}/cmdline", "ann depot [local] idle"},
			},
			next: []string{"ipctop why {2}"},
		},
		roles: roles,
		make: func(m *maker) (object, error) {
			return makeSessions(m, "ann depot [local] idle in transaction", "ann depot [local] idle", false)
		},
	}}
}

func makeSessions(m *maker, keeps, wants string, waits bool) (object, error) {
	root, err := m.start("keeps", nil, part{args: []string{"postgres: " + keeps}})
	if err != nil {
		return object{}, err
	}
	victim, err := m.start("wants", nil, part{args: []string{"postgres: " + wants}})
	if err != nil {
		return object{}, err
	}
	root.comm, victim.comm = "postgres", "postgres"
	if waits {
		m.expectFinding(Diagnosis{Root: root.pid, Victims: []int{victim.pid}, Severity: "warning", Confidence: "likely"})
	}
	return aboutProcess(victim), m.blockedThread(victim.pid)
}

// sessionRole has the name and title of a process that serves a client of PostgreSQL, and
// waits like one.
func sessionRole(r *role) error {
	title := r.args[0]
	if err := setTitle(title); err != nil {
		return err
	}
	if err := setComm("postgres"); err != nil {
		return err
	}
	return r.readyAndHold(nil)
}

// setTitle writes a title over the process's arguments (/proc/self/stat, fields 48 and 49). The
// title is itself one of them, so that there is room.
func setTitle(title string) error {
	stat, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return err
	}
	f := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	const before = 3 // number of the state's field, which is the first here
	if len(f) <= 49-before {
		return errors.New("/proc/self/stat does not tell where the arguments are")
	}
	start, err1 := strconv.ParseInt(f[48-before], 10, 64)
	end, err2 := strconv.ParseInt(f[49-before], 10, 64)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if end-start < int64(len(title)) {
		return fmt.Errorf("the arguments take %d bytes, which the title does not fit into", end-start)
	}
	mem, err := unix.Open("/proc/self/mem", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return &Unavailable{Reason: "needs /proc/self/mem: " + err.Error()}
	}
	defer unix.Close(mem)
	text := make([]byte, end-start)
	copy(text, title)
	_, err = unix.Pwrite(mem, text, start)
	return os.NewSyscallError("pwrite", err)
}
