//go:build !amd64 && !arm64

package waitstate

import "github.com/ipctop/ipctop/model"

const (
	x32          = 1 << 30
	flock64Start = 8
)

func (v *visit) is32Call(int, *syscallLine) model.Opt[bool] { return model.Opt[bool]{} }

// 32-bit programs are not supported on this architecture.
var commonCalls32, archCalls32 map[int]string

func (c *caller) call32() string { return "" }
