package pipes

import (
	"errors"
	"os/exec"
	"testing"

	"github.com/ipctop/ipctop/probe"
)

// TestHelperWithoutParent starts a helper whose socket leads to nobody, as one finds it
// whose parent ended while it started. It must end: as an ordinary ipctop it would start a
// helper of its own.
func TestHelperWithoutParent(t *testing.T) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = []string{probe.HelperName, "-test.list=."} // what it does where it goes on
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 || len(out) > 0 {
		t.Errorf("it ended with %v, and said %q; want status 1 and silence", err, out)
	}
}
