package bpf

import (
	"bytes"
	"runtime"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
)

// TestFunctions checks that there is a call in callers for each program at a function: a
// program without a call would be left out unnoticed on kernels that lack the function.
func TestFunctions(t *testing.T) {
	if calls[runtime.GOARCH].wide == nil {
		t.Skip("there are no programs for " + runtime.GOARCH)
	}
	spec, err := ebpf.LoadCollectionSpecFromReader(bytes.NewReader(rateObject))
	if err != nil {
		t.Fatal(err)
	}
	calls := callers()
	for name, p := range spec.Programs {
		if p.AttachType != ebpf.AttachTraceFExit {
			continue
		}
		if name != ofFunctions+p.AttachTo {
			t.Errorf("%s is for %s", name, p.AttachTo)
		}
		if calls[p.AttachTo] == nil && !strings.HasSuffix(p.AttachTo, "_sys_vmsplice") {
			t.Errorf("no call makes sure of %s", name)
		}
		delete(calls, p.AttachTo)
	}
	for function := range calls {
		t.Errorf("nothing counts at %s", function)
	}
}
