//go:build !386

package main

import "golang.org/x/sys/unix"

const sysSemtimedop = unix.SYS_SEMTIMEDOP
