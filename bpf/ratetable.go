package bpf

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// place is where a process's use of a channel is counted: a structure of channel.h.
type place struct {
	table string
	at    int64 // offset in bytes
}

// The size of a place, and the offsets in it that the programs use.
const (
	placeSize  = 128
	placeWhat  = 20
	placeSent  = 24
	placeReady = 56
	placeTaken = 60
	placeAbout = 64
)

// gone is a value that no channel has: programs do not count at a place that has it.
const gone = 1<<32 - 1

// Read calls f for each process and channel that was counted. If a process has
// several open file descriptions of a channel, f is called several times.
func (c *Counter) Read(f func(t *Traffic)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.each(func(_ place, t *Traffic) { f(t) })
}

// each is Read that also passes the place of each count.
func (c *Counter) each(f func(p place, t *Traffic)) error {
	if c.collection == nil {
		return ErrClosed
	}
	some := make([]byte, 1024*placeSize)
	for _, table := range tables {
		memory, err := c.collection.Maps[table].Memory()
		if err != nil {
			return fmt.Errorf("read %s: %w", table, err)
		}
		for at := int64(0); at < int64(memory.Size()); at += int64(len(some)) {
			if _, err := memory.ReadAt(some, at); err != nil {
				return fmt.Errorf("read %s: %w", table, err)
			}
			for i := 0; i < len(some); i += placeSize {
				if t, ok := parseTraffic(some[i : i+placeSize]); ok {
					f(place{table, at + int64(i)}, &t)
				}
			}
		}
	}
	return nil
}

// Forget ends the counts for which choose returns true, to make room. If such a channel is
// used again, its count begins at 0. The room can be used by others only after the next
// call of Forget: until then, a program that has just found the place can still count
// there.
func (c *Counter) Forget(choose func(t *Traffic) bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var chosen []place
	err := c.each(func(p place, t *Traffic) {
		if choose(t) {
			chosen = append(chosen, p)
		}
	})
	if err != nil {
		return err
	}
	var zero [placeSize]byte
	none := binary.LittleEndian.AppendUint32(nil, gone)
	for _, w := range []struct {
		places []place
		from   int64
		value  []byte
	}{
		{c.leaving, 0, zero[:placeTaken]},
		{c.leaving, placeAbout, zero[placeAbout:]},
		{c.leaving, placeTaken, zero[placeTaken:placeAbout]}, // after everything else is zero
		{chosen, placeWhat, none},
		{chosen, placeReady, zero[placeReady:placeTaken]},
	} {
		for _, p := range w.places {
			memory, err := c.collection.Maps[p.table].Memory()
			if err == nil {
				_, err = memory.WriteAt(w.value, p.at+w.from)
			}
			if err != nil {
				return fmt.Errorf("make room in %s: %w", p.table, err)
			}
		}
	}
	c.leaving = chosen
	return nil
}

// parseTraffic parses a place; ok is false if nothing is counted there.
func parseTraffic(value []byte) (t Traffic, ok bool) {
	if binary.LittleEndian.Uint32(value[placeReady:]) == 0 {
		return Traffic{}, false
	}
	t.Type = ChannelType(binary.LittleEndian.Uint32(value[placeWhat:]))
	f := fields{value[placeSent:]}
	t.SentBytes, t.SentCalls, t.ReceivedBytes, t.ReceivedCalls = f.u64(), f.u64(), f.u64(), f.u64()
	f = fields{value[placeAbout:]}
	t.Scope, t.Number = f.u64(), f.u64()
	t.StartTicks = f.u64() / (1e9 / clockTicks)
	t.PID, t.Mode = f.int(), f.u32()
	comm, _, _ := bytes.Cut(f.bytes(16), []byte{0})
	t.Comm = string(comm)
	switch t.Type {
	case FileChannel, PosixQueue, TerminalMaster, TerminalSlave:
		t.Scope = t.Scope>>20<<32 | t.Scope&(1<<20-1) // include/linux/kdev_t.h
	}
	return t, true
}
