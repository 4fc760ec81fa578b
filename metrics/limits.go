package metrics

import (
	"math"
	"strconv"

	"github.com/ipctop/ipctop/model"
)

// limits counts the limits of the machine, of users and of namespaces. Of users, and of
// namespaces that are not ipctop's own, it counts only the fullest limits. Of processes,
// it counts how full the fullest limit is.
func (c *counter) limits() {
	limits := c.snapshot.Limits
	own := map[uint64]bool{}
	for _, inode := range c.snapshot.Host.Namespaces {
		own[inode] = true
	}
	everywhere := func(l *model.Limit) bool { return l.Scope == nil || own[l.Scope.NS] }
	shares := map[string]float64{}
	for i := range limits {
		if l := &limits[i]; !everywhere(l) && l.Scope.PID == 0 {
			shares[scopeOf(l).key()] = float64(l.Share().Or(0))
		}
	}
	keep := largest(shares, c.Names, func(share float64) float64 { return share })
	each := func(f func(l *model.Limit, labels []string)) {
		for i := range limits {
			l := &limits[i]
			s := scopeOf(l)
			if everywhere(l) || keep[s.key()] {
				f(l, []string{s.limit, text(string(l.Kind)), text(l.Unit), s.user, s.namespace})
			}
		}
	}
	labels := []string{"limit", "kind", "unit", "user", "namespace"}
	c.family("limit_used", "", "How much of a kernel limit is used.", labels...)
	c.summedUp(len(shares) - len(keep))
	each(func(l *model.Limit, labels []string) { c.addKnown(l.Used, labels...) })
	c.family("limit_max", "", "The most that the kernel limit allows.", labels...)
	each(func(l *model.Limit, labels []string) {
		if l.Unlimited {
			c.set(math.Inf(1), labels...)
			return
		}
		c.addKnown(l.Max, labels...)
	})
	c.family("process_limit_used", "ratio", "How much of a limit on each process is used by the process that is nearest to it.", "limit")
	for i := range limits {
		if l := &limits[i]; l.Scope != nil && l.Scope.PID != 0 {
			if share, ok := l.Share().Get(); ok {
				c.most(float64(share), text(l.Name))
			}
		}
	}
}

// scope says to whom a limit applies, as values of labels.
type scope struct{ limit, user, namespace string }

func (s scope) key() string { return s.limit + "\xff" + s.user + "\xff" + s.namespace }

func scopeOf(l *model.Limit) scope {
	s := scope{limit: text(l.Name)}
	if l.Scope == nil {
		return s
	}
	if uid, ok := l.Scope.UID.Get(); ok {
		s.user = strconv.Itoa(uid)
	}
	if l.Scope.NS != 0 {
		s.namespace = strconv.FormatUint(model.NamespaceNumber(l.Scope.NS), 10)
	}
	return s
}
