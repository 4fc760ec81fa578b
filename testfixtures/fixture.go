package testfixtures

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Fixture is an instance of a mechanism that can be made.
type Fixture struct {
	Name  string // the kind or rule, or kind:variant
	Makes string // what it makes, in a few words
	Needs string // what it needs of the machine and the user; "": nothing

	// short replaces the name in the command names of its processes, which are limited to
	// 15 bytes; "" means the name itself.
	short string

	// rule says that it is named after a rule of the diagnosis. It makes the fault; a
	// variant that begins with "control" makes what only looks like it.
	rule bool

	// everybody says that its finding needs all processes of the machine. In other pid
	// namespaces the kernel hides locks of processes that have ended, and the holder of the
	// other end of a pipe may be outside.
	everybody bool

	// explain describes its contents to learners.
	explain explanation

	// make makes it and says how a dump shows it.
	make func(m *maker) (object, error)

	// roles are the functions that its processes run.
	roles map[string]func(r *role) error
}

// object is the expected object in a dump: its id, and some of its fields.
type object struct {
	id     string
	expect tree
}

// tree is a JSON object.
type tree = map[string]any

// Instance is a fixture that was made.
type Instance struct {
	Fixture string          `json:"fixture"`
	Kind    string          `json:"kind"`            // a kind of [model.Object], "signals", or "rule"
	Object  string          `json:"object"`          // its id in a dump; process:PID for signals and for rules about processes
	PIDs    []int           `json:"pids"`            // the processes that take part in it
	Expect  json.RawMessage `json:"expect"`          // part of what a dump has of it; see [Match]
	Waits   json.RawMessage `json:"waits,omitempty"` // part of the dump's waits; missing if none is expected

	// Diagnosis is what the rule that it is named after must find.
	Diagnosis *Diagnosis `json:"diagnosis,omitempty"`
}

// SignalsKind is the kind of the fixtures whose object is a process and whose
// Expect is part of a process of the dump.
const SignalsKind = "signals"

// All lists the fixtures of the kinds, then those of the rules. A new family adds its line
// here or in [ruleFixtures].
func All() []Fixture {
	return slices.Concat(
		pipeFixtures(),
		blockedPipeFixtures(),
		fifoFixtures(),
		unixFixtures(),
		tcpFixtures(),
		udpFixtures(),
		packetFixtures(),
		netlinkFixtures(),
		vsockFixtures(),
		otherSocketFixtures(),
		ptyFixtures(),
		sysvMsgFixtures(),
		sysvSemFixtures(),
		sysvShmFixtures(),
		eventFixtures(),
		bpfMapFixtures(),
		posixShmFixtures(),
		posixSemFixtures(),
		memoryFixtures(),
		fileFixtures(),
		lockFixtures(),
		futexFixtures(),
		mqFixtures(),
		signalsFixtures(),
		ruleFixtures(),
	)
}

// Names lists the names of all fixtures.
func Names() []string {
	var names []string
	for _, f := range All() {
		names = append(names, f.Name)
	}
	return names
}

// Kind is the kind of its object, or [RuleKind].
func (f *Fixture) Kind() string {
	if f.rule {
		return RuleKind
	}
	kind, _, _ := strings.Cut(f.Name, ":")
	return kind
}

// Rule is the rule that it tests; "" if it shows a mechanism.
func (f *Fixture) Rule() string {
	if !f.rule {
		return ""
	}
	rule, _, _ := strings.Cut(f.Name, ":")
	return rule
}

// NegativeControl reports whether it only looks like what its rule is about.
func (f *Fixture) NegativeControl() bool {
	_, variant, _ := strings.Cut(f.Name, ":")
	return f.rule && strings.HasPrefix(variant, "control")
}

// comm is the command name of the process that runs one of its roles.
func (f *Fixture) comm(role string) string {
	short := f.short
	if short == "" {
		short = strings.ReplaceAll(f.Name, ":", "-")
	}
	return "fx-" + short + "-" + role
}

// UnknownError says that there is no fixture with this name.
type UnknownError struct{ Name string }

// Error implements error.
func (e *UnknownError) Error() string {
	return fmt.Sprintf("there is no fixture %q", e.Name)
}

// Check returns an [UnknownError] if one of these names is not a fixture's.
func Check(names ...string) error {
	_, err := find(names)
	return err
}

// withDemo replaces the name "demo" by the two fixtures that it means.
func withDemo(names []string) []string {
	var list []string
	for _, name := range names {
		if name == demoName {
			list = append(list, Demo, DemoPipe)
			continue
		}
		list = append(list, name)
	}
	return list
}

// find returns the fixtures with these names, each once; all if there are no names.
func find(names []string) ([]Fixture, error) {
	all := All()
	if len(names) == 0 {
		return all, nil
	}
	var found []Fixture
	for _, name := range withDemo(names) {
		has := func(f Fixture) bool { return f.Name == name }
		i := slices.IndexFunc(all, has)
		if i < 0 {
			return nil, &UnknownError{name}
		}
		if !slices.ContainsFunc(found, has) {
			found = append(found, all[i])
		}
	}
	return found, nil
}
