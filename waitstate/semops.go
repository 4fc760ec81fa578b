package waitstate

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
)

// decodeSemop decodes semop(2): the set, and the operations, which the kernel performs
// all together or not at all.
func (c *caller) decodeSemop(w *waiting) {
	const size, most = 6, 500 // struct sembuf; SEMOPM
	l := c.line
	w.needs, w.sysv, w.sysvID = model.NeedsLock, model.SysvSem, int(int32(l.args[0]))
	if n := l.args[2]; n > 0 && n <= most {
		if b, err := c.mem.read(c.tid, l.args[1], int(n)*size); err == nil {
			w.target.Operations = parseSembufs(b)
		}
	}
	if w.call == "semtimedop" {
		c.limit(w, l.args[3], timespecUnit)
	}
}

// parseSembufs parses an array of struct sembuf: number u16, operation i16, flags
// i16. The result is NUMBER:OPERATION, followed by the flags.
func parseSembufs(b []byte) []string {
	var list []string
	for ; len(b) >= 6; b = b[6:] {
		flags := binary.NativeEndian.Uint16(b[4:])
		text := fmt.Sprintf("%d:%+d", binary.NativeEndian.Uint16(b), int16(binary.NativeEndian.Uint16(b[2:])))
		if int16(binary.NativeEndian.Uint16(b[2:])) == 0 {
			text = fmt.Sprintf("%d:0", binary.NativeEndian.Uint16(b))
		}
		if flags&semUndo != 0 {
			text += " SEM_UNDO"
		}
		if flags&unix.IPC_NOWAIT != 0 {
			text += " IPC_NOWAIT"
		}
		list = append(list, text)
	}
	return list
}

const (
	semUndo = 0x1000
)
