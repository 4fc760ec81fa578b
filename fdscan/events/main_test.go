package events

import (
	"os"
	"testing"

	"github.com/ipctop/ipctop/probe/probetest"
)

func TestMain(m *testing.M) { os.Exit(probetest.Main(m)) }
