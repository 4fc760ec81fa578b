package probe

import (
	"bytes"
	"strconv"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/proc"
)

// fillFromStatus sets the fields that only status has. If the kernel lacks a
// line, its field stays unknown.
func fillFromStatus(p *model.Process, status []byte) {
	if v, ok := proc.StatusField(status, "Uid"); ok {
		if f := bytes.Fields(v); len(f) >= 2 {
			if uid, err := strconv.Atoi(string(f[1])); err == nil {
				p.UID = model.Some(uid)
			}
		}
	}
	if v, ok := proc.StatusField(status, "NSpid"); ok { // Linux 4.1
		if f := bytes.Fields(v); len(f) > 1 {
			for _, s := range f {
				if n, err := strconv.Atoi(string(s)); err == nil {
					p.NSPIDs = append(p.NSPIDs, n)
				}
			}
		}
	}
	if v, ok := proc.StatusField(status, "TracerPid"); ok {
		p.Tracer, _ = strconv.Atoi(string(v))
	}
	if v, ok := proc.StatusField(status, "CoreDumping"); ok { // Linux 4.15
		p.CoreDump = string(v) == "1"
	}
}
