package query

import (
	"net/netip"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/ipctop/ipctop/model"
)

// Redactor replaces names by pseudonyms. In everything it redacts, the same name gets the
// same pseudonym.
type Redactor struct {
	names  map[string]string // pseudonyms by name
	hosts  map[string]string // … of the hosts, in a snapshot of several hosts
	counts map[string]int
}

// NewRedactor returns a Redactor that has not seen any name.
func NewRedactor() *Redactor {
	return &Redactor{names: map[string]string{}, hosts: map[string]string{}, counts: map[string]int{}}
}

// Redact returns a copy of a snapshot in which the names people gave to things
// (commands, paths, labels, users, hosts, addresses) are replaced by pseudonyms:
// the same name by the same one everywhere, so that relations stay visible. Kinds,
// ids, pids, numbers, states and signal names are kept.
//
// The fields whose text is kept are listed; all other text is replaced. So a new field
// is hidden until somebody adds it to the list.
func (r *Redactor) Redact(s *model.Snapshot) *model.Snapshot {
	out := *s
	v := reflect.ValueOf(&out).Elem()
	for i := range s.Hosts {
		r.host(s.Hosts[i].Name)
	}
	for _, list := range []string{"Host", "Scan", "Hosts", "Processes", "Objects", "Links", "Limits", "Waits", "Traffic", "Findings", "Gaps"} {
		f := v.FieldByName(list) // gaps and findings last: their sentences contain names from the other lists
		f.Set(r.copy(f, strings.ToLower(list)))
	}
	out.Scan.Redacted = true
	return &out
}

// plainText are the fields whose text comes from the kernel or ipctop.
var plainText = map[string]bool{
	"id": true, "kind": true, "gen": true, "dev": true, "mode": true, "state": true, "type": true, "via": true, "access": true,
	"object": true, "objects": true, "lock_mode": true, "range": true, "flags": true, "confidence": true, "key": true, "shutdown": true,
	"protocol": true, "groups": true, "pending": true, "shared_pending": true, "blocked": true, "ignored": true, "caught": true,
	"signals": true, "wchan": true, "tty": true, "call": true, "needs": true, "age_source": true, "operations": true,
	"risk": true, "rule": true, "severity": true, "source": true, "probe": true, "reason": true, "op": true,
	"schema": true, "kernel": true, "arch": true, "backends": true, "method": true, "signal": true, "clock": true,
	"symptoms": true, "seals": true, "libc": true, "title": true, "woken_by": true,
}

// sentences are the fields whose sentences contain names.
var sentences = map[string]bool{"detail": true, "summary": true, "text": true, "why": true, "doing": true, "effect": true, "argv": true, "relation": true, "lowered_by": true}

// word is the beginning of a field's pseudonyms.
var word = map[string]string{
	"comm": "comm", "label": "comm", "from_comm": "comm", "to_comm": "comm", "cmdline": "arg", "user": "user", "hostname": "host",
	"local": "host", "remote": "host", "cgroup": "/cgroup", "path": "/path", "exe": "/path", "boot_id": "boot", "unit": "unit",
}

// copy returns a deep copy of v with its text replaced. name is the JSON name of the
// field that contains v.
func (r *Redactor) copy(v reflect.Value, name string) reflect.Value {
	switch v.Kind() {
	case reflect.String:
		out := reflect.New(v.Type()).Elem()
		out.SetString(r.text(v.String(), name))
		return out
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return v
		}
		if v.Kind() == reflect.Interface {
			return r.copy(v.Elem(), name)
		}
		out := reflect.New(v.Type().Elem())
		out.Elem().Set(r.copy(v.Elem(), name))
		return out
	case reflect.Slice:
		if v.IsNil() {
			return v
		}
		out := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		for i := range v.Len() {
			out.Index(i).Set(r.copy(v.Index(i), name))
		}
		return out
	case reflect.Struct:
		out := reflect.New(v.Type()).Elem()
		out.Set(v)
		if isOpt(v.Type()) || v.Type() == typeTime || v.Type() == reflect.TypeFor[model.Limit]() {
			return out // a limit's name is that of a sysctl
		}
		for i := range v.NumField() {
			sf := v.Type().Field(i)
			if !sf.IsExported() {
				continue
			}
			field, _, _ := strings.Cut(sf.Tag.Get("json"), ",")
			out.Field(i).Set(r.copy(v.Field(i), field))
		}
		return out
	}
	return v // numbers, and maps, which contain namespaces, backends and timings
}

// lazyRegexp compiles an expression on first use: most commands need none.
func lazyRegexp(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}

// numberName matches names that contain nothing but the object's number.
var numberName = lazyRegexp(`^([a-z_-]+:\[\d+\]|0x[0-9a-f]+)$`)

// public are paths that are the same on every machine.
var public = lazyRegexp(`^(/proc(/(\d+|self|thread-self|sys|net|sysvipc|locks)(/[a-z0-9_./-]*)?)?|/dev/(null|zero|tty|ptmx|full|u?random|pts/\d+)|/sys/fs/cgroup|/)$`)

func (r *Redactor) text(s, field string) string {
	switch {
	case plainText[field]:
		return r.atHost(s)
	case field == "host" || field == "against":
		return r.host(s)
	case s == "", numberName().MatchString(s), public().MatchString(s):
		return s
	case sentences[field]:
		return r.sentence(s)
	case field == "local" || field == "remote":
		return r.address(s)
	}
	if what, host, ok := cutLast(s, '@'); ok && r.hosts[host] != "" && what != "" && word[field] == "comm" {
		return r.name(what, field) + "@" + r.hosts[host]
	}
	// The pseudonyms of @x and x differ only in the @.
	if rest, ok := strings.CutPrefix(s, "@"); ok && rest != "" {
		return "@" + r.name(rest, field)
	}
	if rest, ok := strings.CutSuffix(s, " (deleted)"); ok && rest != "" {
		return r.name(rest, field) + " (deleted)"
	}
	return r.name(s, field)
}

// host returns the pseudonym of one of several hosts.
func (r *Redactor) host(name string) string {
	if name == "" {
		return ""
	}
	r.hosts[name] = r.name(name, "hostname")
	return r.hosts[name]
}

// atHost replaces the hosts in an id, or in a list of ids: rule,7,tcp:5@db1.
func (r *Redactor) atHost(s string) string {
	if len(r.hosts) == 0 || !strings.Contains(s, "@") {
		return s
	}
	parts := strings.Split(s, ",")
	for i, part := range parts {
		what, host, ok := cutLast(part, '@')
		if p := r.hosts[host]; ok && p != "" {
			if known, named := r.names[what]; named {
				what = known
			}
			parts[i] = what + "@" + p
		}
	}
	return strings.Join(parts, ",")
}

func (r *Redactor) name(s, field string) string {
	if p, ok := r.names[s]; ok {
		return p
	}
	w := word[field]
	switch {
	case strings.HasPrefix(s, "/") && !strings.HasPrefix(w, "/"):
		w = "/path"
	case w == "" && field != "":
		w = "name"
	}
	r.counts[w]++
	p := w + "-" + strconv.Itoa(r.counts[w])
	r.names[s] = p
	return p
}

// address replaces an address, but keeps the port, and addresses that stand for this
// machine or for none.
func (r *Redactor) address(s string) string {
	a, err := netip.ParseAddrPort(s)
	if err != nil {
		return r.name(s, "local")
	}
	if ip := a.Addr().Unmap(); ip.IsLoopback() || ip.IsUnspecified() {
		return s
	}
	return r.name(a.Addr().String(), "local") + ":" + strconv.Itoa(int(a.Port()))
}

var token = lazyRegexp(`[^\s"'(),;]+`)

// sentence replaces the names that have a pseudonym already, and everything that looks
// like a path.
func (r *Redactor) sentence(s string) string {
	return token().ReplaceAllStringFunc(s, func(t string) string {
		end := strings.TrimRight(t, ".:")
		rest := t[len(end):]
		if p, ok := r.names[end]; ok {
			return p + rest
		}
		if at := r.atHost(end); at != end {
			return at + rest
		}
		if strings.HasPrefix(end, "/") && !public().MatchString(end) {
			return r.name(end, "path") + rest
		}
		return t
	})
}
