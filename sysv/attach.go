package sysv

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

// An attachment is a mapping whose inode number is the segment's id. That number
// is valid in one IPC namespace only, and a mapping does not say in which: a
// process keeps its attachments when it moves to another namespace. So
// attachments are first collected under keys of their own, and assigned to
// segments when all namespaces have been read; see [assign].
//
// The scope of these keys has the key in the segment's name and, in the upper
// half, the inode's generation.
var (
	attachments      = &probe.KeySpace{Name: "sysv-shm attachment"}
	blindAttachments = &probe.KeySpace{Name: "sysv-shm attachment of unknown generation"}
)

// attachmentMapping claims the attachments among a process's mappings.
func attachmentMapping(m *probe.Mapping, out *probe.Collector) bool {
	key, ok := parseSegmentName(m.Name)
	if !ok || !slices.Contains(kernelDevices(), m.Dev) {
		return false
	}
	k := probe.Key{Space: blindAttachments, Scope: uint64(key), Num: m.Ino}
	if gen, ok := generation(m); ok {
		k.Space, k.Scope = attachments, uint64(gen)<<32|uint64(key)
	}
	out.AddHolder(k, m.Holder(model.ViaAttach))
	m.Cacheable()
	return true
}

// parseSegmentName reads the key in the name of an attachment,
// "/SYSV000004d2 (deleted)" (ipc/shm.c, newseg).
func parseSegmentName(name []byte) (key uint32, ok bool) {
	hex, ok1 := bytes.CutPrefix(name, []byte("/SYSV"))
	hex, ok2 := bytes.CutSuffix(hex, []byte(" (deleted)"))
	if !ok1 || !ok2 || len(hex) != 8 {
		return 0, false
	}
	n, err := strconv.ParseUint(string(hex), 16, 32)
	return uint32(n), err == nil
}

// generation asks for the generation of the inode behind a mapping, a random
// number that all attachments of one segment share and no other segment has
// (name_to_handle_at(2), mm/shmem.c). The kernel answers only processes that
// may follow links in map_files: with CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE.
func generation(m *probe.Mapping) (uint32, bool) {
	const shmemHandle, shmemHandleSize = 1, 12
	name := "map_files/" + strconv.FormatUint(m.Start, 16) + "-" + strconv.FormatUint(m.End, 16)
	var h unix.FileHandle
	err := m.Proc.Dir.Use(func(dir int) (err error) {
		h, _, err = unix.NameToHandleAt(dir, name, unix.AT_SYMLINK_FOLLOW)
		return err
	})
	if err != nil || h.Type() != shmemHandle || h.Size() != shmemHandleSize {
		return 0, false
	}
	return binary.NativeEndian.Uint32(h.Bytes()), true
}

// completeSegments assigns each attachment to its segment, and notes if the
// kernel counts more attachments than were seen.
func completeSegments(_ context.Context, idx *probe.Index, out *probe.Collector) {
	byID := map[uint64][]*candidate{}
	for _, e := range idx.In(segments) {
		d := e.Object.Detail.(*model.SysvShmDetail)
		byID[e.Key.Num] = append(byID[e.Key.Num], &candidate{
			entry: e, ns: e.Key.Scope, key: d.Key, size: d.Size, attached: d.Attached,
			removed: d.MarkedForRemoval.Or(false), pids: [2]int{d.LastPID.Or(0), d.CreatorPID.Or(0)},
		})
	}
	for id, groups := range collect(idx) {
		list := byID[id]
		slices.SortFunc(list, func(a, b *candidate) int { return cmp.Compare(a.ns, b.ns) })
		assign(groups, list)
		for _, g := range groups {
			if g.to == nil {
				out.Gap(g.gap(id))
				continue
			}
			g.adopt()
		}
	}
	for _, list := range byID {
		for _, c := range list {
			c.count()
		}
	}
}

// collect groups the attachments that certainly belong to one segment, by the
// segment's id.
func collect(idx *probe.Index) map[uint64][]*group {
	groups := map[uint64][]*group{}
	for _, e := range idx.Unclaimed(attachments) {
		g := &group{known: true, key: uint32(e.Key.Scope)}
		for _, h := range e.Holders {
			g.members = append(g.members, member{h, home(idx, h.PID)})
		}
		groups[e.Key.Num] = append(groups[e.Key.Num], g)
	}
	for _, e := range idx.Unclaimed(blindAttachments) {
		byHome := map[uint64]*group{}
		for _, h := range e.Holders {
			ns := home(idx, h.PID)
			g := byHome[ns]
			if g == nil {
				g = &group{key: uint32(e.Key.Scope)}
				byHome[ns] = g
				groups[e.Key.Num] = append(groups[e.Key.Num], g)
			}
			g.members = append(g.members, member{h, ns})
		}
	}
	for _, list := range groups {
		slices.SortFunc(list, func(a, b *group) int {
			return cmp.Or(cmp.Compare(a.members[0].holder.PID, b.members[0].holder.PID),
				cmp.Compare(a.members[0].holder.Address, b.members[0].holder.Address))
		})
	}
	return groups
}

func home(idx *probe.Index, pid int32) uint64 {
	if p := idx.Processes[pid]; p != nil {
		return p.Namespaces["ipc"]
	}
	return 0
}

// adopt gives the group's members to its segment.
func (g *group) adopt() {
	for _, m := range g.members {
		if m.home != g.to.ns && m.home != 0 {
			m.holder.Flags = append(m.holder.Flags, flagOtherNamespace)
		}
		if g.inferred {
			m.holder.Flags = append(m.holder.Flags, flagInferred)
		}
		g.to.entry.Adopt(m.holder)
	}
	if o := g.to.entry.Object; o.Deleted && o.Name == "" && g.key != 0 {
		o.Name = keyText(g.key)
	}
}

// Flags of a holder.
const (
	flagOtherNamespace = "other-namespace" // the process has moved away from the segment's IPC namespace
	flagInferred       = "inferred"        // which namespace's segment it is was inferred, not read
)

func (g *group) gap(id uint64) model.Gap {
	gap := model.Gap{
		Reason: model.Other, PID: int(g.members[0].holder.PID), Op: model.OpAttribute, Count: len(g.members),
		Detail: fmt.Sprintf("attached to segment %d (key %s) of an unknown IPC namespace", id, keyText(g.key)),
	}
	if !g.known {
		gap.Reason = model.Denied
	}
	return gap
}

// count compares the holders with the kernel's count. The kernel counts each
// mapping, also those of a forked process, and each part of a mapping that was
// split. Two processes that share their memory (vfork) show the same mapping
// twice; so a surplus means nothing, while a deficit is certain.
func (c *candidate) count() {
	n, ok := c.attached.Get()
	if !ok {
		return
	}
	switch seen := int64(len(c.entry.Holders)); {
	case seen < n:
		c.entry.Complete = model.Some(false)
	case seen == n:
		c.entry.Complete = model.Some(true)
	}
}
