package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"

	"github.com/ipctop/ipctop/testfixtures"
)

// holderEnv is the path of the program that holders of fixtures run, once it is built, for what
// tests start. tools/unprivileged sets it: the ordinary user cannot build the program.
const holderEnv = "IPCTOP_TEST_HOLDER"

// smallHolders has fixtures be held by a small program. The test program takes five times as long
// to start, and most tests of fixtures would do nothing else for most of their time. What is
// returned removes the program.
func smallHolders() (remove func()) {
	dir, temporary := "", os.TempDir() // tests set another one
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
