package live

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/ipctop/ipctop/model"
)

// service is all processes with one name; channel is what connects two services.
type (
	service struct {
		name  string
		first int // the lowest pid
		pids  map[int]bool
	}
	channel struct {
		a, b string // names, in order
		kind string
	}
)

// maxServices is the largest number of lines that show who communicates with whom,
// maxTalkers the largest number of names in a line.
const (
	maxServices = 8
	maxTalkers  = 4
)

// services draws who communicates with whom, by name, the busiest pairs first:
// nginx(12) ×5 ─ unix ─ php-fpm(40) ×8 ─ tcp 5432 ─ postgres(812) ×9.
func services(d *Data) []string {
	all := map[string]*service{}
	count := map[channel]int{}
	named := func(pid int) *service {
		p := d.process(pid)
		if p == nil || d.Snap.Own(p) {
			return nil
		}
		s := all[p.Name()]
		if s == nil {
			s = &service{name: p.Name(), first: pid, pids: map[int]bool{}}
			all[p.Name()] = s
		}
		s.first = min(s.first, pid)
		s.pids[pid] = true
		return s
	}
	for i := range d.Snap.Links {
		l := d.Snap.Links[i]
		if !communicates(l.Kind) || len(l.From)*len(l.To) > maxPairs {
			continue
		}
		kind := string(l.Kind)
		if port := servicePort(d.object(l.Object), d); port != "" {
			kind += " " + port
		}
		seen := map[channel]bool{}
		for _, from := range l.From {
			for _, to := range l.To {
				a, b := named(from), named(to)
				if a == nil || b == nil || a == b {
					continue
				}
				c := channel{min(a.name, b.name), max(a.name, b.name), kind}
				if !seen[c] {
					seen[c] = true
					count[c]++
				}
			}
		}
	}
	list := make([]channel, 0, len(count))
	for c := range count {
		list = append(list, c)
	}
	slices.SortFunc(list, func(x, y channel) int {
		return cmp.Or(count[y]-count[x], cmp.Compare(x.a, y.a), cmp.Compare(x.b, y.b), cmp.Compare(x.kind, y.kind))
	})
	return drawServices(d, all, list)
}

// maxPairs limits how many pairs are counted for one object that many processes share.
const maxPairs = 4096

// communicates reports whether a kind is a channel. A file that many processes write is
// not, nor is the terminal of all jobs of a shell, nor a futex.
func communicates(k model.Kind) bool { return k != model.File && k != model.Pty && k != model.Futex }

// servicePort returns the lower port of a TCP connection, which is normally the server's.
func servicePort(o *model.Object, d *Data) string {
	if o == nil {
		return ""
	}
	detail, ok := o.Detail.(*model.InetDetail)
	if !ok || o.Kind != model.TCP {
		return ""
	}
	port := func(address string) int {
		n, err := strconv.Atoi(address[strings.LastIndexByte(address, ':')+1:])
		if err != nil {
			return 1 << 16
		}
		return n
	}
	if n := min(port(detail.Local), port(detail.Remote)); n < 1<<16 {
		return strconv.Itoa(n)
	}
	return ""
}

// drawServices makes lines from channels; a line continues with a channel of the service
// at its end.
func drawServices(d *Data, all map[string]*service, list []channel) []string {
	dash, times := " ─ ", " ×"
	if d.compactView.ASCII {
		dash, times = " - ", " x"
	}
	write := func(name string) string {
		s := all[name]
		text := model.Named(d.escape(name), s.first)
		if n := len(s.pids); n > 1 {
			text += times + strconv.Itoa(n)
		}
		return text
	}
	var lines []string
	drawn := make([]bool, len(list))
	for i, c := range list {
		if drawn[i] || len(lines) == maxServices {
			continue
		}
		drawn[i] = true
		line, end := write(c.a)+dash+c.kind+dash+write(c.b), c.b
		on := map[string]bool{c.a: true, c.b: true}
		for len(on) < maxTalkers {
			j := slices.IndexFunc(list, func(x channel) bool { return x.a == end && !on[x.b] || x.b == end && !on[x.a] })
			if j < 0 || drawn[j] {
				break
			}
			drawn[j] = true
			next := list[j].a
			if next == end {
				next = list[j].b
			}
			on[next], end = true, next
			line += dash + list[j].kind + dash + write(next)
		}
		lines = append(lines, line)
	}
	return lines
}
