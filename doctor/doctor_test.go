package doctor

import (
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
)

func TestStateOfIsThreeWay(t *testing.T) {
	for _, test := range []struct {
		err  error
		want model.FeatureState
	}{
		{nil, model.FeatureOK},
		{unix.ENOSYS, model.FeatureMissing},
		{unix.ENOTTY, model.FeatureMissing},
		{unix.ENOENT, model.FeatureMissing},
		{&os.PathError{Op: "open", Path: "/proc/self/sched", Err: unix.ENOENT}, model.FeatureMissing},
		{unix.EPERM, model.FeatureUnknown},
		{unix.EACCES, model.FeatureUnknown},
		{errors.New("something else"), model.FeatureUnknown},
	} {
		if got, _ := stateOf(test.err); got != test.want {
			t.Errorf("%v: %s, want %s", test.err, got, test.want)
		}
	}
}

func TestCapabilities(t *testing.T) {
	mask, ok := parseCapEff([]byte("Name:\tx\nCapInh:\t0000000000000001\nCapEff:\t0000000000280000\n"))
	if !ok || mask != 1<<unix.CAP_SYS_PTRACE|1<<unix.CAP_SYS_ADMIN {
		t.Errorf("mask %#x, %v", mask, ok)
	}
	for mask, want := range map[uint64]string{
		0:                           "none",
		mask:                        "CAP_SYS_PTRACE CAP_SYS_ADMIN",
		1<<len(capNames) - 1:        "all",
		1<<len(capNames) - 1 - 1<<1: "all but CAP_DAC_OVERRIDE",
		1 << 60:                     "capability 60",
	} {
		if got := describeCapabilities(mask); got != want {
			t.Errorf("%#x: %q, want %q", mask, got, want)
		}
	}
	for _, text := range []string{"", "CapEff:\n", "CapEff:\tx\n"} {
		if _, ok := parseCapEff([]byte(text)); ok {
			t.Errorf("%q has capabilities", text)
		}
	}
	if capNames[unix.CAP_CHECKPOINT_RESTORE] != "CHECKPOINT_RESTORE" || capNames[unix.CAP_SETFCAP] != "SETFCAP" {
		t.Error("the names are out of step with the numbers")
	}
}

func FuzzParseCapEff(f *testing.F) {
	f.Add([]byte("CapEff:\t0000000000280000\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		mask, _ := parseCapEff(b)
		describeCapabilities(mask)
	})
}

// TestFeaturesOfWhatIsMissing checks a directory that is not a proc file system.
func TestFeaturesOfWhatIsMissing(t *testing.T) {
	for _, f := range Features(Options{ProcRoot: t.TempDir(), Executable: "/opt/ipctop"}) {
		if strings.HasSuffix(f.Name, "of this pid namespace") && f.State != model.FeatureMissing {
			t.Errorf("%+v", f)
		}
		if strings.HasPrefix(f.Name, "all processes in") && f.State != model.FeatureUnknown {
			t.Errorf("%+v", f)
		}
	}
}

func TestAdviceIsACommandOnlyWithoutRoot(t *testing.T) {
	missing := model.Feature{State: model.FeatureMissing}
	if f := (&doctor{euid: 1000, opts: Options{Executable: "/opt/ipctop"}}).asRoot(missing); strings.Join(f.Argv, " ") != "sudo /opt/ipctop" {
		t.Errorf("for a user: %q", f.Argv)
	}
	if f := (&doctor{euid: 0, opts: Options{Executable: "/opt/ipctop"}}).asRoot(missing); f.Argv != nil || f.Advice == "" {
		t.Errorf("for root: %q, %q", f.Argv, f.Advice)
	}
}

// TestFeaturesLeaveNothingOpen counts descriptors before and after.
func TestFeaturesLeaveNothingOpen(t *testing.T) {
	count := func() int {
		list, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skip(err)
		}
		return len(list)
	}
	Features(Options{})
	before := count()
	Features(Options{})
	if after := count(); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}
