package fdscan

import (
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/ipctop/ipctop/fdscan/pipes"
	"github.com/ipctop/ipctop/probe/probetest"
)

// HoldOpen marks the test program that was started again to hold the files it
// was given.
const HoldOpen = "IPCTOP_TEST_HOLD_OPEN"

func TestMain(m *testing.M) {
	pipes.RunHelper()
	if os.Getenv(HoldOpen) != "" {
		fmt.Println("ready")
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}
	os.Exit(probetest.Main(m))
}
