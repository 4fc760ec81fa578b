package sockets

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/proc"
)

// Sockets that no table listed are asked for the name of their protocol
// (attribute system.sockprotoname of sockfs, Linux 3.0). That needs no
// duplicate and does not touch the socket.

// nameUnclaimed asks for the protocol of every socket that is still not
// described. describe returns the object, or nil to leave the socket to a later
// probe. A socket that is gone is skipped: it was closed after its descriptor
// was read.
func nameUnclaimed(ctx context.Context, idx *probe.Index, describe func(k probe.Key, protocol string, err error) *model.Object) {
	idx.Each(idx.Unclaimed(Space), func(t *guard.Task, e *probe.Entry) func() {
		if ctx.Err() != nil {
			return nil
		}
		protocol, err := socketProtocol(idx, t, e)
		if proc.Gone(err) {
			return nil
		}
		return func() {
			if o := describe(e.Key, protocol, err); o != nil {
				idx.Describe(e, o)
			}
		}
	})
}

// socketProtocol asks the holders. By now the descriptor's number may belong to
// another file, perhaps one whose attributes only a server can tell.
func socketProtocol(idx *probe.Index, t *guard.Task, e *probe.Entry) (string, error) {
	return probe.QueryHolders(idx, t, e, "sockprotoname", func(h *model.Holder, fd int32) (string, error) {
		return readProtocol(probe.HolderPath(idx.Scan.ProcRoot, h, "fd", fd), e.Key.Num)
	})
}

func readProtocol(path string, ino uint64) (string, error) {
	var link, name [64]byte
	want := socketLink(ino)
	check := func() error {
		n, err := unix.Readlink(path, link[:])
		if err != nil {
			return fmt.Errorf("readlink %s: %w", path, err)
		}
		if string(link[:n]) != want {
			return fmt.Errorf("%s is no longer %s: %w", path, want, unix.ENOENT)
		}
		return nil
	}
	if err := check(); err != nil {
		return "", err
	}
	n, err := unix.Getxattr(path, "system.sockprotoname", name[:])
	if err != nil {
		if errors.Is(err, unix.ENODATA) {
			err = unix.EOPNOTSUPP
		}
		return "", fmt.Errorf("getxattr %s system.sockprotoname: %w", path, err)
	}
	if err := check(); err != nil {
		return "", err
	}
	return string(bytes.TrimRight(name[:n], "\x00")), nil
}

// completeFamily describes the sockets of a family that its table does not
// list, by the names of its protocols: sockets that enter the table only when
// they are bound, and those of namespaces whose table was not read.
//
// It is not known to which namespace such a socket belongs: it need not be that
// of its holders. So its id has no namespace; inode numbers of sockets are
// unique without one.
func completeFamily(kind model.Kind, protocols map[string]string, detail func(value string) model.Detail) func(context.Context, *probe.Index, *probe.Collector) {
	return func(ctx context.Context, idx *probe.Index, out *probe.Collector) {
		count := 0
		nameUnclaimed(ctx, idx, func(k probe.Key, protocol string, err error) *model.Object {
			value, ok := protocols[protocol]
			if err != nil || !ok {
				return nil
			}
			count++
			return unlisted(kind, k, detail(value))
		})
		if count > 0 {
			out.Gap(model.Gap{
				Reason: model.Unsupported, Op: model.OpUnlisted, Count: count,
				Detail: "sockets that are in no table: unbound, or in a network namespace that no process is in",
			})
		}
	}
}

func unlisted(kind model.Kind, k probe.Key, d model.Detail) *model.Object {
	return &model.Object{
		ID: string(kind) + ":" + strconv.FormatUint(k.Num, 10), Kind: kind, Ino: model.Big(k.Num), Detail: d,
	}
}

// netNamespaces returns the network namespaces in which processes are known to live.
func netNamespaces(idx *probe.Index) map[uint64]bool {
	set := map[uint64]bool{}
	for _, p := range idx.Processes {
		if ns, ok := p.Namespaces["net"]; ok {
			set[ns] = true
		}
	}
	return set
}
