//go:build amd64 || arm64

package waitstate_test

import (
	"bufio"
	"encoding/json"
	"os/exec"
	"testing"
)

// startPython starts a Python program that runs until the test ends, and reads the line of
// JSON that it prints. The test is skipped if it prints something else.
func startPython(t *testing.T, said any, program string, args ...string) (pid int) {
	t.Helper()
	cmd := exec.Command("python3", append([]string{"-c", program}, args...)...)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { in.Close(); _ = cmd.Process.Kill(); _ = cmd.Wait() })
	line, _ := bufio.NewReader(out).ReadString('\n')
	if err := json.Unmarshal([]byte(line), said); err != nil {
		t.Skipf("python3 says %q", line)
	}
	return cmd.Process.Pid
}
