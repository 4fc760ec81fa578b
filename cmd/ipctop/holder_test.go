package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"

	"github.com/ipctop/ipctop/testfixtures"
)

// holderEnv is the path of the program that the fixtures' holders run, once it is built, for
// processes started by tests. tools/unprivileged sets it: the ordinary user cannot build the program.
const holderEnv = "IPCTOP_TEST_HOLDER"

// smallHolders makes fixtures use a small program for their holders. The test program takes five
// times as long to start, which would be most of the time of most tests of fixtures. The returned
// function removes the program.
func smallHolders() (remove func()) {
	dir, temporary := "", os.TempDir() // before tests set another one
	testfixtures.Program = sync.OnceValue(func() string {
		if path := os.Getenv(holderEnv); path != "" {
			return path
		}
		var err error
		if dir, err = os.MkdirTemp(temporary, "ipctop-test-"); err != nil {
			return testfixtures.OwnProgram
		}
		path := filepath.Join(dir, "holder")
		build := exec.Command("go", "build", "-ldflags=-s -w", "-o", path, "../../testfixtures/testdata/holder")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if build.Run() != nil {
			return testfixtures.OwnProgram
		}
		os.Setenv(holderEnv, path)
		return path
	})
	return func() {
		if dir != "" {
			os.RemoveAll(dir)
		}
	}
}
