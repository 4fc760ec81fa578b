package probe

import (
	"net"
	"slices"
	"sync"
	"time"
)

// addressesFor is how long a machine's addresses are taken for what they were.
const addressesFor = time.Minute

// addresses are the network addresses of the namespace that ipctop runs in. They tell which
// host a connection leads to where the snapshots of several are put together.
type addresses struct {
	mu   sync.Mutex
	read time.Time
	list []string
}

// get lists the addresses without their networks, and without loopback ones; nil where they
// could not be read (rtnetlink(7), RTM_GETADDR).
func (a *addresses) get(now time.Time) []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.read.IsZero() && now.Sub(a.read) < addressesFor {
		return a.list
	}
	a.read, a.list = now, nil
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	for _, address := range all {
		n, ok := address.(*net.IPNet)
		if !ok || n.IP.IsLoopback() || n.IP.IsLinkLocalUnicast() {
			continue
		}
		a.list = append(a.list, n.IP.String())
		if len(a.list) == maxAddresses {
			break
		}
	}
	slices.Sort(a.list)
	return a.list
}

// maxAddresses bounds how many addresses a snapshot names.
const maxAddresses = 256
