package posix

import (
	"bytes"
	"path"
	"strings"

	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

// usedByMusl reports whether a program that uses musl maps a file that has the
// size of a semaphore and a name other than sem.*. Size and layout alone prove
// little: any 32 bytes that begin with a small number look like a semaphore.
// musl's sem_open creates the file as /dev/shm/tmp-NUMBER, maps it, links it to
// its name and unlinks the first name. So the creator's mapping has a deleted
// name although the file exists. Other processes that use musl's shared library
// have it mapped.
func usedByMusl(t *guard.Task, idx *probe.Index, e *probe.Entry) bool {
	const maxAsked = 8
	asked, last := 0, int32(0)
	for i := range e.Holders {
		h := &e.Holders[i]
		if h.Via != model.ViaMap || h.PID == last {
			continue
		}
		if last, asked = h.PID, asked+1; asked > maxAsked {
			break
		}
		if !idx.BeginAt(t, h.PID, "maps", 0) { // takes the process's memory lock
			continue
		}
		found := mapperOfMusl(idx, h)
		t.End()
		if found {
			return true
		}
	}
	return false
}

func mapperOfMusl(idx *probe.Index, h *model.Holder) bool {
	dir, err := idx.Open(h.PID)
	if err != nil {
		return false
	}
	defer dir.Close()
	if link, err := dir.Readlink(probe.HolderLink(h)); err == nil && muslTemporary(link) {
		return true
	}
	maps, err := dir.ReadFile(idx.Through(h.PID)+"maps", nil)
	return err == nil && mapsMusl(maps)
}

// muslTemporary reports whether a mapping's name is a temporary one of musl's
// sem_open.
func muslTemporary(link string) bool {
	name, ok := strings.CutSuffix(link, " (deleted)")
	digits, ok2 := strings.CutPrefix(path.Base(name), "tmp-")
	return ok && ok2 && path.Dir(name) == shmDir && digits != "" && strings.Trim(digits, "0123456789") == ""
}

// mapsMusl reports whether the text of /proc/PID/maps has musl's shared library,
// which is also its dynamic loader: ld-musl-ARCH.so.1.
func mapsMusl(maps []byte) bool {
	for line := range bytes.Lines(maps) {
		i := bytes.IndexByte(line, '/')
		if i < 0 {
			continue
		}
		name := line[i:]
		base := name[bytes.LastIndexByte(name, '/')+1:]
		if bytes.HasPrefix(base, []byte("ld-musl-")) || bytes.HasPrefix(base, []byte("libc.musl-")) {
			return true
		}
	}
	return false
}
