package sockets

import (
	"sync"

	"github.com/ipctop/ipctop/probe"
)

// unixKnown is what the sockets of each network namespace were in the last scan. The
// kernel lists them in the same order, and says of most what it said then: those are not
// made anew, and by that the scan knows that nothing of them has changed.
type unixKnown struct {
	mu   sync.Mutex
	byNS map[uint64][]*unixFound
}

// unixCursor goes through what is known of one namespace beside what the kernel lists.
type unixCursor struct {
	list []*unixFound
	next int
	at   map[string]int // by message, made when the order is another one
}

func (k *unixKnown) begin(ns probe.NS) *unixCursor {
	k.mu.Lock()
	defer k.mu.Unlock()
	return &unixCursor{list: k.byNS[ns.Inode]}
}

// put keeps what was found for the next scan. Namespaces that are not looked into any
// more are forgotten, once there are as many as there may be.
func (k *unixKnown) put(ns probe.NS, found []*unixFound) {
	if !ns.Scan.Repeated() {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.byNS == nil || len(k.byNS) >= maxKnown {
		k.byNS = map[uint64][]*unixFound{}
	}
	k.byNS[ns.Inode] = found
}

// maxKnown is of how many namespaces the sockets are kept.
const maxKnown = 64

func (c *unixCursor) rewind() { c.next = 0 }

// find finds the socket of which the kernel said the same, nil if it did of none.
func (c *unixCursor) find(message []byte) *unixFound {
	if c.next < len(c.list) && c.list[c.next].message == string(message) {
		c.next++
		return c.list[c.next-1]
	}
	if c.at == nil {
		c.at = make(map[string]int, len(c.list))
		for i := range c.list {
			c.at[c.list[i].message] = i
		}
	}
	at, ok := c.at[string(message)]
	if !ok {
		return nil
	}
	c.next = at + 1
	return c.list[at]
}
