package main

import (
	"os"
	"os/signal"
	"testing"
	"time"

	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/testfixtures"
)

// mainEnv makes the test binary run as ipctop itself, for tests that signal it.
const mainEnv = "IPCTOP_TEST_MAIN"

func TestMain(m *testing.M) {
	testfixtures.RunRole()
	removeHolder := smallHolders()
	if os.Args[0] == probe.HelperName {
		main() // the same way as the program's helper process
	}
	if dir := os.Getenv(fuseEnv); dir != "" {
		serveFUSE(dir)
	}
	if path := os.Getenv(pollerEnv); path != "" {
		pollFile(path)
	}
	if text := os.Getenv(crowdEnv); text != "" {
		crowd(text)
	}
	if n := os.Getenv(namespacesEnv); n != "" {
		holdNamespaces(n)
	}
	if part := os.Getenv(hostEnv); part != "" {
		playHost(part)
	}
	if path := os.Getenv(memoryEnv); path != "" {
		holdMemoryLock(path)
	}
	if what := os.Getenv(containerEnv); what != "" {
		container(what)
	}
	if os.Getenv(dataEnv) != "" {
		data()
	}
	if os.Getenv(waitersEnv) != "" {
		waiters()
	}
	if where := os.Getenv(leakEnv); where != "" {
		leaveLeaks(where)
	}
	if os.Getenv(refuseEnv) != "" {
		refuseBPF()
	}
	if os.Getenv(mainEnv) == "1" {
		main()
	}
	os.Setenv("LC_ALL", "C.UTF-8") // golden files are UTF-8
	// A shell starts background processes with SIGINT ignored. Programs started by tests
	// must not inherit that: Python catches the signal only if it is not ignored.
	if signal.Ignored(os.Interrupt) {
		signal.Notify(make(chan os.Signal, 1), os.Interrupt)
	}
	status := m.Run()
	removeHolder()
	os.Exit(status)
}

// skipIfLate is for tests that take some time. On a slow machine it skips them if too little is left
// of the ten minutes that go test gives the whole package.
func skipIfLate(t *testing.T) {
	t.Helper()
	if os.Getenv(apartEnv) != "" {
		return // it has its own time limit
	}
	if deadline, ok := t.Deadline(); ok && time.Until(deadline) < 4*time.Minute {
		t.Skip("this machine is slow: less than four minutes are left for all tests")
	}
}
