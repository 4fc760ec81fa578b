package query

import (
	"cmp"
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/ipctop/ipctop/model"
)

// ofKind finds objects of one kind by the text after "KIND:": a number, a name, a path, a
// key or an address.
func (f finder) ofKind(k model.Kind, rest string) []Match {
	of := func(fits func(*model.Object) bool) []Match {
		return f.objects(func(o *model.Object) bool { return o.Kind == k && fits(o) })
	}
	if n, ok := parseNumber(rest); ok {
		if m := of(func(o *model.Object) bool { return hasNumber(o, n) }); m != nil {
			return m
		}
	}
	if m := of(func(o *model.Object) bool { return hasName(o, rest) }); m != nil {
		return withoutAccepted(m)
	}
	if name, ok := strings.CutPrefix(rest, "@"); ok && k == model.Unix {
		return f.byAbstract(name)
	}
	if key, ok := parseKey(rest); ok {
		return of(func(o *model.Object) bool { return hasKey(o, key) })
	}
	if host, port, ok := splitEndpoint(rest); ok {
		var list []Match
		for _, m := range f.byEndpoint(host, port) {
			if m.Object.Kind == k {
				list = append(list, m)
			}
		}
		return list
	}
	return nil
}

// isKind reports whether k is a kind: one that this ipctop knows, or one that is in the
// dump, which a later ipctop may have written.
func (f finder) isKind(k model.Kind) bool {
	if _, ok := model.LookupKind(k); ok {
		return true
	}
	return slices.ContainsFunc(f.s.Objects, func(o *model.Object) bool { return o.Kind == k })
}

func (f finder) noneOfKind(k model.Kind, rest string) string {
	n := len(f.objects(func(o *model.Object) bool { return o.Kind == k }))
	return fmt.Sprintf("no %s %s was seen (%s seen)", k, Quote(rest), count(n, "object of the kind was", "of the kind were"))
}

// byLink reads the text of a link in /proc/PID/fd: "pipe:[4242]".
func (f finder) byLink(ref string) ([]Match, string, error) {
	head, rest, _ := strings.Cut(ref, ":[")
	number, _, closed := strings.Cut(rest, "]")
	n, ok := parseNumber(number)
	switch {
	case head == "anon_inode" || head == "/anon_inode":
		return nil, "", &SyntaxError{ref, "all such descriptors show the same link; write /proc/PID/fd/N"}
	case !ok || !closed:
		// It is an IPv6 address without its opening bracket, or a kind before an address.
		matches, reason := f.byColon(ref)
		return matches, reason, nil
	case head == "socket":
		return f.objects(func(o *model.Object) bool { return o.Ino == model.Big(n) && isSocket(o) }),
			fmt.Sprintf("no socket %d was seen", n), nil
	}
	k := model.Kind(head)
	if !f.isKind(k) {
		return nil, "", &SyntaxError{ref, Quote(head) + " is no kind of object (see ipctop kinds)"}
	}
	return f.objects(func(o *model.Object) bool { return o.Kind == k && o.Ino == model.Big(n) }),
		f.noneOfKind(k, number), nil
}

func isSocket(o *model.Object) bool {
	info, _ := model.LookupKind(o.Kind)
	return info.Category == "socket"
}

// byPath finds what has the path: objects by any of their names, POSIX objects by the
// name that programs use, processes by their program or script.
func (f finder) byPath(ref string) []Match {
	ref = strings.TrimSuffix(ref, " (deleted)")
	clean := path.Clean(ref)
	if m := f.objects(func(o *model.Object) bool { return hasName(o, ref) || hasName(o, clean) }); m != nil {
		return withoutAccepted(m)
	}
	// "/jobs" is the name that programs pass to shm_open and mq_open; the file's path is what ls shows.
	if m := f.objects(func(o *model.Object) bool { return posixName(o, clean) }); m != nil {
		return m
	}
	return f.processes(func(p *model.Process) bool {
		return p.Exe == clean || slices.Contains(p.Cmdline[:min(len(p.Cmdline), 2)], clean)
	})
}

// relative says which socket may be the one at a path: it is bound to a relative path with
// the same last part, and it is not known in which directory.
func (f finder) relative(name string) string {
	for _, o := range f.s.Objects {
		d, ok := o.Detail.(*model.UnixDetail)
		if ok && d.Path != "" && !path.IsAbs(d.Path) && len(o.Aliases) == 0 && path.Base(d.Path) == path.Base(name) {
			return "; " + Quote(o.ID) + " is bound to " + Quote(d.Path) + ", and in which directory is not known"
		}
	}
	return ""
}

// posixDirs are the path prefixes of the files behind the names of POSIX objects.
var posixDirs = map[model.Kind][]string{
	model.PosixShm: {"/dev/shm/"},
	model.PosixSem: {"/dev/shm/sem.", "/dev/shm/"}, // glibc, musl
	model.PosixMq:  {"/dev/mqueue/"},
}

func posixName(o *model.Object, name string) bool {
	for _, dir := range posixDirs[o.Kind] {
		base := strings.TrimPrefix(name, "/")
		if hasName(o, dir+base) {
			return true
		}
		if rest, ok := strings.CutPrefix(name, dir); ok && (hasName(o, "/"+rest) || hasName(o, rest)) {
			return true
		}
	}
	return false
}

// byAbstract finds sockets by abstract name. Tools print NUL bytes in such names as @.
func (f finder) byAbstract(name string) []Match {
	return withoutAccepted(f.objects(func(o *model.Object) bool {
		d, ok := o.Detail.(*model.UnixDetail)
		return ok && d.Abstract != "" && (d.Abstract == name || strings.ReplaceAll(d.Abstract, "\x00", "@") == name)
	}))
}

// withoutLocks removes the records of locks on FIFOs, terminals and sockets if the list contains
// something else, such as the FIFO itself.
func withoutLocks(list []Match) []Match {
	locks := func(m Match) bool {
		if m.Object == nil {
			return false
		}
		d, ok := m.Object.Detail.(*model.FileDetail)
		return ok && (d.Type == "fifo" || d.Type == "character" || d.Type == "socket")
	}
	if slices.ContainsFunc(list, func(m Match) bool { return !locks(m) }) {
		return slices.DeleteFunc(list, locks)
	}
	return list
}

// withoutAccepted removes the connections that a UNIX listener in the list has accepted: the
// kernel gives them the listener's name, but the user means the listener.
//
// It also calls withoutLocks.
func withoutAccepted(list []Match) []Match {
	list = withoutLocks(list)
	type place struct {
		host, name, dev string
		ino             model.Big
		namespace       uint64
	}
	at := func(o *model.Object) (p place, state string) {
		d, ok := o.Detail.(*model.UnixDetail)
		if !ok {
			return p, ""
		}
		p = place{host: o.Host, name: cmp.Or(d.Path, "@"+d.Abstract), dev: d.PathDev, ino: d.PathIno}
		if o.Namespace != nil {
			p.namespace = o.Namespace.Inode
		}
		return p, d.State
	}
	listeners := map[place]bool{}
	for _, m := range list {
		if m.Object != nil {
			if p, state := at(m.Object); state == "listen" {
				listeners[p] = true
			}
		}
	}
	return slices.DeleteFunc(list, func(m Match) bool {
		if m.Object == nil {
			return false
		}
		p, state := at(m.Object)
		return state == "established" && listeners[p]
	})
}

// byKey finds System V objects by key.
func (f finder) byKey(ref string) ([]Match, string) {
	key, ok := parseKey(ref)
	if !ok {
		return nil, ""
	}
	reason := "no System V object that was seen has the key " + Quote(ref)
	for i := range f.s.Gaps {
		if g := &f.s.Gaps[i]; g.Probe == string(model.SysvShm) && g.Op == model.OpAttribute {
			reason += "; there are IPC namespaces that nothing leads to, and what they have is not seen"
			break
		}
	}
	return f.objects(func(o *model.Object) bool { return hasKey(o, key) }), reason
}

func parseKey(s string) (uint64, bool) {
	s = strings.ToLower(s)
	if !strings.HasPrefix(s, "0x") {
		return 0, false
	}
	n, err := strconv.ParseUint(s[2:], 16, 32)
	return n, err == nil
}

func hasKey(o *model.Object, key uint64) bool {
	var text string
	switch d := o.Detail.(type) {
	case *model.SysvMsgDetail:
		text = d.Key
	case *model.SysvSemDetail:
		text = d.Key
	case *model.SysvShmDetail:
		text = d.Key
	}
	n, ok := parseKey(text)
	return ok && n == key
}

// hasNumber reports whether n is the kernel's number of the object.
func hasNumber(o *model.Object, n uint64) bool {
	if o.Ino != 0 && uint64(o.Ino) == n {
		return true
	}
	id, ok := o.SysvID.Get()
	return ok && id >= 0 && uint64(id) == n
}

// hasName reports whether the object is called name.
func hasName(o *model.Object, name string) bool {
	if name == "" {
		return false
	}
	if o.Name == name || o.Path == name || slices.Contains(o.Aliases, name) {
		return true
	}
	d, ok := o.Detail.(*model.UnixDetail)
	return ok && d.Path == name
}

func hasBaseName(o *model.Object, base string) bool {
	for _, name := range append([]string{o.Name, o.Path}, o.Aliases...) {
		if strings.HasPrefix(name, "/") && path.Base(name) == base {
			return true
		}
	}
	return false
}

// byEndpoint finds sockets by address and port; host "" means any address. A listener at
// the address comes first, then sockets connected from it, then sockets connected to
// it.
func (f finder) byEndpoint(host, port string) []Match {
	here := func(o *model.Object) bool { local, _ := endpoints(o); return sameEndpoint(local, host, port) }
	there := func(o *model.Object) bool { _, remote := endpoints(o); return sameEndpoint(remote, host, port) }
	everywhere := func(o *model.Object) bool {
		local, _ := endpoints(o)
		h, p, ok := splitEndpoint(local)
		return ok && p == port && isWildcard(h)
	}
	for _, fits := range []func(*model.Object) bool{
		func(o *model.Object) bool { return listens(o) && here(o) },
		func(o *model.Object) bool { return listens(o) && everywhere(o) },
		here,
		there,
	} {
		if m := f.objects(fits); m != nil {
			return m
		}
	}
	return nil
}

// endpoints returns a socket's addresses, if its kind has any.
func endpoints(o *model.Object) (local, remote string) {
	switch d := o.Detail.(type) {
	case *model.InetDetail:
		return d.Local, d.Remote
	case *model.VsockDetail:
		return d.Local, d.Remote
	}
	return "", ""
}

// listens reports whether anybody may send to the socket: it is a listener, or a datagram
// socket without a peer.
func listens(o *model.Object) bool {
	state := socketState(o)
	return strings.EqualFold(state, "LISTEN") || strings.EqualFold(state, "UNCONN")
}

func socketState(o *model.Object) string {
	switch d := o.Detail.(type) {
	case *model.InetDetail:
		return d.State
	case *model.UnixDetail:
		return d.State
	case *model.VsockDetail:
		return d.State
	}
	return ""
}

// splitEndpoint splits ADDRESS:PORT, [ADDRESS]:PORT and :PORT.
func splitEndpoint(s string) (host, port string, ok bool) {
	host, port, ok = cutLast(s, ':')
	if _, number := parseNumber(port); !ok || !number || len(port) > 10 {
		return "", "", false
	}
	return strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"), port, true
}

func sameEndpoint(endpoint, host, port string) bool {
	h, p, ok := splitEndpoint(endpoint)
	return ok && p == port && (host == "" || sameHost(h, host))
}

func sameHost(a, b string) bool {
	if a == b || isWildcard(a) && isWildcard(b) {
		return true
	}
	ip, err := netip.ParseAddr(a)
	if err != nil {
		return false
	}
	if b == "localhost" {
		return ip.Unmap().IsLoopback()
	}
	other, err := netip.ParseAddr(b)
	return err == nil && ip.Unmap() == other.Unmap()
}

func isWildcard(host string) bool {
	if host == "*" || host == "" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsUnspecified()
}
