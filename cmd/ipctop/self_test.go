package main

import (
	"bytes"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// ipctop, which is this process, is in no table without --self.
func TestSelf(t *testing.T) {
	for _, self := range []bool{false, true} {
		args := []string{"dump", "--only", "processes", "-o", "csv", "--columns", "pid"}
		if self {
			args = append(args, "--self")
		}
		var out, errs bytes.Buffer
		if status := (command{strings.NewReader(""), &out, &errs}).main(t.Context(), args); status != 0 {
			t.Fatalf("%v: %d: %s", args, status, errs.String())
		}
		pids := strings.Fields(out.String())
		if !slices.Contains(pids, strconv.Itoa(os.Getppid())) && os.Getppid() != 0 {
			t.Errorf("%v: the parent is missing: %q", args, pids)
		}
		if got := slices.Contains(pids, strconv.Itoa(os.Getpid())); got != self {
			t.Errorf("%v: ipctop is in it: %v", args, got)
		}
	}
}
