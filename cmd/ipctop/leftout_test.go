package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/bpf"
	"github.com/ipctop/ipctop/diagnose"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/query"
	"github.com/ipctop/ipctop/render"
	"github.com/ipctop/ipctop/testfixtures"
)

// A scan for waits omits open objects for which no process waits. Even so, why says of each process of
// each fixture, and of all stuck processes, as text and as JSON, the same as after a full scan.
func TestWhyOfWhatIsLeftOut(t *testing.T) {
	if !apart(t) {
		return
	}
	sources := []sourceUse{{"procfs", nil}}
	_, err := openSource()
	switch unavailable := new(bpf.UnavailableError); {
	case err == nil:
		sources = append(sources, sourceUse{"bpf", openSource})
	case !errors.As(err, &unavailable):
		t.Error(err)
	}
	sleepBesideCounter(t)
	left, compared := map[model.Kind]int{}, 0
	for names := range slices.Chunk(testfixtures.Names(), 30) {
		run, err := testfixtures.StartAvailable(t.Context(), names...)
		if err != nil {
			t.Log(err)
			continue
		}
		for _, source := range sources {
			compared += compareWhy(t, run, source, left)
		}
		run.Close()
	}
	t.Log(compared, "processes compared; left out:", left)
	if compared < 100 {
		t.Errorf("only %d processes were compared", compared)
	}
	if len(sources) > 1 && (left[model.Unix] == 0 || left[model.Eventfd] == 0) {
		t.Errorf("left out: %v, no sockets or no event counters", left)
	}
}

// sleepBesideCounter starts a process with an eventfd on which nobody waits.
func sleepBesideCounter(t *testing.T) {
	t.Helper()
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	counter := os.NewFile(uintptr(fd), "eventfd")
	defer counter.Close()
	cmd := exec.Command("sleep", "1000")
	cmd.ExtraFiles = []*os.File{counter}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
}

// compareWhy compares the explanations of the fixtures' processes, and counts the omitted
// objects. A difference must occur three times: threads of the fixtures move.
func compareWhy(t *testing.T, run *testfixtures.Run, source sourceUse, left map[model.Kind]int) (compared int) {
	t.Helper()
	for attempt := 1; ; attempt++ {
		var whole, brief map[string]string
		var all, some *model.Snapshot
		all, whole = whyOf(t, run, source, func(o *probe.Options) { o.EachDescriptor = true })
		some, brief = whyOf(t, run, source, func(*probe.Options) {})
		_, guessed := whyOf(t, run, source, guessWrong)
		var differ []string
		for what, text := range whole {
			if brief[what] != text {
				differ = append(differ, source.name+": "+what+":\n"+text+"\nwith some left out:\n"+brief[what])
			}
			if guessed[what] != text {
				differ = append(differ, source.name+": "+what+":\n"+text+"\nwhere all was left out at first:\n"+guessed[what])
			}
		}
		if len(differ) == 0 {
			for _, o := range all.Objects {
				left[o.Kind]++
			}
			for _, o := range some.Objects {
				left[o.Kind]--
			}
			return len(whole)
		}
		if attempt == 3 {
			slices.Sort(differ)
			for _, d := range differ {
				t.Error(d)
			}
			return len(whole)
		}
	}
}

// guessWrong treats all threads as if none waited on a descriptor.
func guessWrong(o *probe.Options) {
	for i := range o.Probes {
		if o.Probes[i].Blocked != nil {
			o.Probes[i].Blocked = func(int) probe.BlockedAt { return probe.AtNoFile }
		}
	}
}

// whyOf is the explanation of each process of the fixtures.
func whyOf(t *testing.T, run *testfixtures.Run, source sourceUse, with func(*probe.Options)) (*model.Snapshot, map[string]string) {
	t.Helper()
	time.Sleep(50 * time.Millisecond) // longer than a scan: otherwise a wait is too young in one of two scans
	o := probe.Options{Probes: probes(), Helper: "/proc/self/exe", WaitsOnly: true, Source: source.open, SourceUse: probe.SourceAlways}
	with(&o)
	snap := scanWith(t, probe.NewScanner(o))
	g := diagnose.Run(snap, diagnose.Options{})
	says := map[string]string{}
	var everything bytes.Buffer
	if err := render.WhyAll(&everything, render.NewView(g.Index, &render.Options{Width: render.Unwrapped}), g); err != nil {
		t.Fatal(err)
	}
	if err := render.WhyJSON(&everything, g, nil, true); err != nil {
		t.Fatal(err)
	}
	says["everything"] = passingTime.ReplaceAllString(everything.String(), "…")
	for i := range run.Instances {
		for _, pid := range run.Instances[i].PIDs {
			matches, err := query.Find(snap, strconv.Itoa(pid))
			if err != nil {
				continue // it has ended
			}
			var b bytes.Buffer
			if err := render.Why(&b, render.NewView(g.Index, &render.Options{Width: render.Unwrapped}), g, matches); err != nil {
				t.Fatal(err)
			}
			if err := render.WhyJSON(&b, g, matches, false); err != nil {
				t.Fatal(err)
			}
			says[run.Instances[i].Fixture+" "+strconv.Itoa(pid)] = passingTime.ReplaceAllString(b.String(), "…")
		}
	}
	return snap, says
}

// passingTime matches what differs in each scan: times, and the threads of the test itself, which
// is process 1 here.
var passingTime = regexp.MustCompile(`"(blocked_for_ns|timeout_ns|since)":[^,}]*|\b([0-9.]+(ns|µs|ms|s|m|h))+\b|"pid":1,"tid":\d+|\[1,[0-9,]+\]`)
