package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/ipctop/ipctop/bpf"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/testfixtures"
)

// eachFixtureEnv makes TestEachFixture scan all fixtures and print a line for each, which
// tools/kernels reads, instead of failing.
const eachFixtureEnv = "IPCTOP_TEST_EACH_FIXTURE"

// Each fixture is shown correctly from the proc file system and from eBPF, and both give
// the same, field by field.
func TestEachFixture(t *testing.T) {
	sources := []sourceUse{{"procfs", nil}}
	_, err := openSource()
	switch unavailable := new(bpf.UnavailableError); {
	case err == nil:
		sources = append(sources, sourceUse{"bpf", openSource})
	case !errors.As(err, &unavailable):
		t.Error(err)
	}
	names, say := []string{"pipe:full", "unix:in-flight", "eventfd", "deadlock"}, func(l look) {
		if l.word == "missing" {
			t.Errorf("%s: %s", l.fixture, l.why)
		}
	}
	if os.Getenv(eachFixtureEnv) != "" {
		names, say = testfixtures.Names(), func(l look) {
			fmt.Println(strings.TrimSpace(l.word + " " + l.fixture + " " + strings.ReplaceAll(l.why, "\n", " ")))
		}
		say(look{"source", sources[len(sources)-1].name, ""})
	}
	for some := range slices.Chunk(names, 12) {
		for _, l := range lookAtFixtures(t, sources, some) {
			if l.word == "missing" { // try again with this fixture alone
				l = lookAtFixtures(t, sources, []string{l.fixture})[0]
			}
			say(l)
		}
	}
}

// sourceUse is a source of facts, with its name in --source.
type sourceUse struct {
	name string
	open func() (probe.Source, error)
}

// look is the result for a fixture: "seen" if each source shows it correctly, else "missing"
// or "skipped", and why.
type look struct{ word, fixture, why string }

// lookAtFixtures makes fixtures and scans them.
func lookAtFixtures(t *testing.T, sources []sourceUse, names []string) (looks []look) {
	t.Helper()
	run, err := testfixtures.StartAvailable(t.Context(), names...)
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	for _, s := range run.Skipped {
		looks = append(looks, look{"skipped", s.Fixture, s.Reason})
	}
	for _, f := range run.Failed {
		looks = append(looks, look{"missing", f.Fixture, "it cannot be made: " + f.Err.Error()})
	}
	var said []saying
	for _, source := range sources {
		o := probe.Options{Probes: probes(), Helper: "/proc/self/exe", ListDirectories: true, Source: source.open, SourceUse: probe.SourceAlways}
		o.Detail = func(*model.Snapshot) (pids []int, _ []string) {
			for i := range run.Instances {
				pids = append(pids, run.Instances[i].PIDs...)
			}
			return pids, nil
		}
		snap := scanWith(t, probe.NewScanner(o))
		if len(said) > 0 {
			onlyBoth(snap, said[0].snap)
		}
		said = append(said, sayingOf(snap))
	}
	for i := range run.Instances {
		inst := &run.Instances[i]
		l := look{"seen", inst.Fixture, ""}
		for n := range said {
			if err := testfixtures.Verify(said[n].snap, inst); err != nil {
				l = look{"missing", inst.Fixture, err.Error()}
				break
			}
			if d := said[n].differences(inst, said[0]); len(d) > 0 {
				l = look{"missing", inst.Fixture, sources[n].name + " and " + sources[0].name + " differ: " + d[0]}
				break
			}
		}
		looks = append(looks, l)
	}
	return looks
}
