package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/ipctop/ipctop/testfixtures"
)

// mainEnv makes the test binary ipctop itself, for tests that signal it.
const mainEnv = "IPCTOP_TEST_MAIN"

func TestMain(m *testing.M) {
	testfixtures.RunRole()
	if os.Getenv(mainEnv) == "1" {
		main()
	}
	os.Exit(m.Run())
}

// ipctop runs ipctop within this process.
func ipctop(t *testing.T, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	var out, err bytes.Buffer
	status = command{strings.NewReader(""), &out, &err}.main(t.Context(), args)
	return out.String(), err.String(), status
}
