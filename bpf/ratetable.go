package bpf

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// place is where a channel of a process is counted: a structure of channel.h.
type place struct {
	table string
	at    int64 // in bytes
}

// The size of a place, and where in it the programs look.
const (
	placeSize  = 128
	placeWhat  = 20
	placeSent  = 24
	placeReady = 56
	placeTaken = 60
	placeAbout = 64
)

// gone is what no channel is: the programs count no more at a place that says so.
const gone = 1<<32 - 1

// Read calls f for each process and channel that was counted. A process that has more
// than one open file description of a channel is told of more than once.
func (c *Counter) Read(f func(t *Traffic)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.each(func(_ place, t *Traffic) { f(t) })
}

// each calls f with where each count is, too.
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

// Forget ends the counts that choose chooses, to make room; they begin anew if they go on.
// There is room for others after the next call only: until then a program that has just
// found a place can still count at it.
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
		{c.leaving, placeTaken, zero[placeTaken:placeAbout]}, // when all else is zero
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

// parseTraffic takes a place apart; nothing may be counted there.
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
