package probe

import (
	"bytes"
	"hash/maphash"
	"maps"
	"slices"
	"strconv"

	"github.com/ipctop/ipctop/proc"
)

// fingerprint identifies what a process had when all of it was read: where the links of its descriptors
// led, and what it mapped. As long as that is the same, a check need not read the rest.
type fingerprint struct {
	fds       []int32
	sum       maphash.Hash
	ambiguous bool // two deleted files can have the same link
}

var fingerprintSeed = maphash.MakeSeed()

func (h *fingerprint) reset() {
	h.fds, h.ambiguous = h.fds[:0], false
	h.sum.SetSeed(fingerprintSeed)
}

func (h *fingerprint) addLink(fd int32, link []byte) {
	h.fds = append(h.fds, fd)
	_, _ = h.sum.Write(link)
	_ = h.sum.WriteByte(0)
	h.ambiguous = h.ambiguous || bytes.HasSuffix(link, []byte(deletedSuffix))
}

func (h *fingerprint) addMapping(m *proc.MapsEntry) {
	maphash.WriteComparable(&h.sum, [...]uint64{m.Start, m.End, m.Offset, m.Dev, m.Ino})
	_, _ = h.sum.WriteString(m.Perms)
	_, _ = h.sum.Write(m.Name)
}

// cachedFingerprint is the part of a fingerprint that is cached.
type cachedFingerprint struct {
	fds []int32
	sum uint64
}

func (h *fingerprint) keep() cachedFingerprint {
	if h.ambiguous {
		return cachedFingerprint{}
	}
	return cachedFingerprint{slices.Clone(h.fds), h.sum.Sum64()}
}

// fingerprintUnchanged reports whether a process that has not run has the same as before, as far as links
// tell. If not, all is read again and compared. It does not handle processes with several
// threads, as any thread could have descriptors of its own.
func (s *Scan) fingerprintUnchanged(p *Proc, k *processCache, sc *scratch) bool {
	m := p.Model
	if s.facts != nil || s.WaitsOnly() || m.Threads != 1 || len(k.fingerprint.fds) == 0 || p.stat != k.line ||
		!slices.Equal(m.Cmdline, k.cmdline) || !maps.Equal(m.Namespaces, k.namespaces) {
		return false
	}
	if p.Dir.Size("fd") != int64(len(k.fingerprint.fds)) { // 0 before Linux 6.2
		return false
	}
	dir, err := p.Dir.Open("fd")
	if err != nil {
		return false
	}
	defer dir.Close()
	sc.fingerprint.reset()
	var text [12]byte
	for _, fd := range k.fingerprint.fds {
		name := append(strconv.AppendInt(text[:0], int64(fd), 10), 0)
		n, errno := dir.ReadlinkC(&name[0], sc.link)
		if errno != 0 || n == len(sc.link) {
			return false
		}
		sc.fingerprint.addLink(fd, sc.link[:n])
	}
	if s.wantMappings() {
		if !p.task.Begin("maps", 0) {
			return false
		}
		var m proc.MapsEntry
		err = p.Dir.SharedMappings("maps", &m, sc.link, func() { sc.fingerprint.addMapping(&m) })
		p.task.End()
	}
	return err == nil && sc.fingerprint.sum.Sum64() == k.fingerprint.sum
}
