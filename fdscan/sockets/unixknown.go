package sockets

import (
	"sync"

	"github.com/ipctop/ipctop/probe"
)

// unixKnown has the sockets of each network namespace in the last scan. The kernel lists
// sockets in the same order, and most of its messages are the same as before. Such a socket
// keeps its object, which tells the scan that the socket has not changed.
type unixKnown struct {
	mu   sync.Mutex
	byNS map[uint64][]*unixFound
}

// unixCursor goes through the known sockets of one namespace in step with the kernel's list.
type unixCursor struct {
	list []*unixFound
	next int
	at   map[string]int // index in list by message; made when the order differs
}

func (k *unixKnown) begin(ns probe.NS) *unixCursor {
	k.mu.Lock()
	defer k.mu.Unlock()
	return &unixCursor{list: k.byNS[ns.Inode]}
}

// put caches the sockets for the next scan. When there are maxKnown namespaces, those that are
// no longer read are dropped.
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

// maxKnown is the largest number of namespaces whose sockets are cached.
const maxKnown = 64

func (c *unixCursor) rewind() { c.next = 0 }

// find returns the known socket with the same message; nil if there is none.
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
