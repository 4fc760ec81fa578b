//go:build amd64 || arm64

package sysv

import (
	"reflect"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/probe/probetest"
)

// sendTyped sends a message of a type.
func sendTyped(t *testing.T, id int, mtype int64, size int) {
	t.Helper()
	msg := make([]int64, 1+(size+7)/8)
	msg[0] = mtype
	for i := range msg[1:] {
		msg[1+i] = 0x7365637265747365
	}
	if _, _, errno := unix.Syscall6(unix.SYS_MSGSND, uintptr(id), uintptr(unsafe.Pointer(&msg[0])), uintptr(size), unix.IPC_NOWAIT, 0, 0); errno != 0 {
		t.Fatal(errno)
	}
}

// scanTypes reads a queue's types in detail.
func scanTypes(t *testing.T, id int) *model.SysvMsgDetail {
	t.Helper()
	want := probe.NS{Own: true}.ID(model.SysvMsg, uint64(id))
	s := probetest.ScanWith(t, probe.Options{
		Probes: []probe.Probe{Msg(), MessageTypes()},
		Detail: func(*model.Snapshot) ([]int, []string) { return nil, []string{want} },
	})
	for _, g := range s.Gaps {
		if g.Object == want && g.Reason == model.Unsupported {
			t.Skip(g.Detail)
		}
	}
	return probetest.Object(t, s, want).Detail.(*model.SysvMsgDetail)
}

// TestMessageTypes: messages that are read stay in the queue, without a trace.
func TestMessageTypes(t *testing.T) {
	id := newObject(t, unix.SYS_MSGGET, unix.SYS_MSGCTL, unix.IPC_PRIVATE, 0o600, 0)
	const largest = 1<<63 - 1
	for _, m := range []struct {
		mtype int64
		size  int
	}{{7, 10}, {largest, 0}, {7, 6000}, {1, 5}, {7, 1}} {
		sendTyped(t, id, m.mtype, m.size)
	}
	before := find(t, probetest.Scan(t, Msg()), model.SysvMsg, id, 0).Detail
	d := scanTypes(t, id)
	want := []model.MessageType{{Type: 1, Messages: 1, Bytes: 5, Largest: 5}, {Type: 7, Messages: 3, Bytes: 6011, Largest: 6000}, {Type: largest, Messages: 1}}
	if !reflect.DeepEqual(d.Types, want) {
		t.Errorf("types %+v, want %+v", d.Types, want)
	}
	if after := find(t, probetest.Scan(t, Msg()), model.SysvMsg, id, 0).Detail; !reflect.DeepEqual(before, after) {
		t.Errorf("it has changed the queue: %+v before, %+v after", before, after)
	}
}

func TestMessageTypesOfAnEmptyQueue(t *testing.T) {
	id := newObject(t, unix.SYS_MSGGET, unix.SYS_MSGCTL, unix.IPC_PRIVATE, 0o600, 0)
	if d := scanTypes(t, id); d.Types == nil || len(d.Types) != 0 {
		t.Errorf("types %#v, want an empty list: it was read", d.Types)
	}
}

// TestMessageTypesAreBounded: of very many messages only the first are read.
func TestMessageTypesAreBounded(t *testing.T) {
	id := newObject(t, unix.SYS_MSGGET, unix.SYS_MSGCTL, unix.IPC_PRIVATE, 0o600, 0)
	for range maxPeeked + 10 {
		sendTyped(t, id, 3, 1)
	}
	want := probe.NS{Own: true}.ID(model.SysvMsg, uint64(id))
	s := probetest.ScanWith(t, probe.Options{
		Probes: []probe.Probe{Msg(), MessageTypes()},
		Detail: func(*model.Snapshot) ([]int, []string) { return nil, []string{want} },
	})
	d := probetest.Object(t, s, want).Detail.(*model.SysvMsgDetail)
	truncated := false
	for _, g := range s.Gaps {
		if g.Object == want && g.Reason == model.Unsupported {
			t.Skip(g.Detail)
		}
		truncated = truncated || g.Object == want && g.Reason == model.Truncated
	}
	if len(d.Types) != 1 || d.Types[0].Messages != maxPeeked || !truncated {
		t.Errorf("%+v, said: %v", d.Types, truncated)
	}
}
