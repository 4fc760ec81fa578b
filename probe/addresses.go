package probe

import (
	"net"
	"slices"
	"sync"
	"time"
)

// addressesFor is how long the addresses that were read are used before they are read again.
const addressesFor = time.Minute

// addresses are the network addresses of the namespace that ipctop runs in. When snapshots
// of several hosts are put together, they tell which host a connection leads to.
type addresses struct {
	mu   sync.Mutex
	read time.Time
	list []string
}

// get lists the addresses without prefix lengths and without loopback addresses; nil if
// they could not be read (rtnetlink(7), RTM_GETADDR).
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
