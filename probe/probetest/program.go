package probetest

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// Arch32 is the 32-bit architecture whose programs this processor runs; "" if there is none.
var Arch32 = map[string]string{"amd64": "386", "arm64": "arm"}[runtime.GOARCH]

// Build compiles the program in a directory for an architecture, or skips the test.
func Build(t *testing.T, dir, arch string) (program string) {
	t.Helper()
	program = filepath.Join(t.TempDir(), filepath.Base(dir))
	build := exec.Command("go", "build", "-o", program, dir)
	build.Env = append(os.Environ(), "GOARCH="+arch, "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Skipf("go: %v\n%s", err, out)
	}
	return program
}

// StartBuilt starts the program that [Build] made, or skips the test if the machine cannot
// run it. The program ends with the test, when its standard input is closed. lines are its
// output.
func StartBuilt(t *testing.T, program string) (cmd *exec.Cmd, in io.Writer, lines *bufio.Scanner) {
	t.Helper()
	cmd = exec.Command(program)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Skipf("this machine does not run %s: %v", filepath.Base(program), err)
	}
	t.Cleanup(func() { stdin.Close(); _ = cmd.Wait() })
	return cmd, stdin, bufio.NewScanner(out)
}
