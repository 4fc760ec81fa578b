package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// fuseNumbered reports whether the kernel shows for which connection a process has /dev/fuse open.
func fuseNumbered(pid int) bool {
	files, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/fdinfo/*")
	return slices.ContainsFunc(files, func(name string) bool {
		b, _ := os.ReadFile(name)
		return strings.Contains(string(b), "fuse_connection:")
	})
}

// TestWhyOfFUSE asks why processes wait that have sent a request to a file system's server:
// through a descriptor (a page of a file), and through a path.
func TestWhyOfFUSE(t *testing.T) {
	s := mountFUSE(t)
	stuck := func(dir string, argv ...string) *exec.Cmd {
		cmd := exec.Command(argv[0], argv[1:]...)
		cmd.Dir = dir
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			s.end() // first: otherwise the process cannot end
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		})
		return cmd
	}
	says := func(cmd *exec.Cmd, want ...string) {
		t.Helper()
		missing, stdout := "", ""
		for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
			_, stdout, _ = run(t, "", "why", strconv.Itoa(cmd.Process.Pid))
			text := strings.Join(strings.Fields(stdout), " ")
			missing = ""
			for _, part := range want {
				if !strings.Contains(text, part) {
					missing = part
				}
			}
			if missing == "" {
				return
			}
		}
		t.Errorf("%v: no %q in\n%s", cmd.Args, missing, stdout)
	}
	file := filepath.Join(s.dir, "file")
	if !fuseNumbered(s.pid) {
		t.Skip("this kernel does not tell which connection /dev/fuse is open for (Linux 6.16)")
	}
	server := "(" + strconv.Itoa(s.pid) + ") serves the file system"
	says(stuck("/", "cat", file), "waits for the file system at "+s.dir+" to answer read of "+file, server, "resumes when: the server of the file system answers, or ends")
	s.hang()
	says(stuck(filepath.Dir(s.dir), "cat", filepath.Base(s.dir)+"/other"), "to answer openat of "+filepath.Join(s.dir, "other"), server)
}
