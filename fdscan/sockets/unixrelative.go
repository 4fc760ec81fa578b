package sockets

import (
	"cmp"
	"path"
	"slices"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

// The kernel keeps the path of a bound UNIX socket as the program wrote it: for "s" or
// "./s" it does not tell in which directory that was. If a holder of the socket is still
// in that directory, the file there is the one that unix_diag names, and the absolute path
// becomes an alias of the socket. Otherwise the absolute path is not known.

// maxRelative is the largest number of working directories that are searched for a socket with
// a relative path.
const maxRelative = 4

// relativeName is an absolute path at which the file of a socket may be.
type relativeName struct {
	detail *model.UnixDetail
	path   string
}

// relative searches the working directories of its holders for a socket with a relative
// path: most processes have not changed their directory since they bound it.
func (b *boundSockets) relative(idx *probe.Index, e *probe.Entry, d *model.UnixDetail) {
	listens := d.State == "listen" && d.PathIno != 0
	last, asked := int32(0), 0
	for i := range e.Holders {
		pid := e.Holders[i].PID
		p := idx.Processes[pid]
		switch {
		case p == nil || pid == last || p.Namespaces["mnt"] == 0 || asked == maxRelative:
			continue
		case !listens && b.tried[fileOf(d)] >= maxRelative:
			return // a server's connections have the same path, and there may be many
		}
		last = pid
		asked++
		b.tried[fileOf(d)]++
		dir, err := idx.Open(pid)
		if err != nil {
			continue
		}
		tid := int(cmp.Or(e.Holders[i].TID, idx.Living(pid)))
		cwd, err := dir.Readlink(probe.Below(int(pid), tid) + "cwd")
		dir.Close()
		if err != nil || !path.IsAbs(cwd) {
			continue
		}
		full := path.Join(cwd, d.Path)
		ns, in := idx.Scan.Namespace(p, tid, "mnt"), directoryOf(full)
		if d.PathIno != 0 || idx.Scan.ListDirectories() {
			b.dir(ns, in)
		}
		if d.PathIno != 0 {
			b.relatives[ns][in] = append(b.relatives[ns][in], relativeName{d, full})
		}
		if listens {
			b.listeners[ns][in] = append(b.listeners[ns][in], e)
			b.asked[e]++
		}
	}
}

// below returns what is known about a relative path: that it leads to the socket itself, or
// to one that took its place. Other answers are dropped, because the process may have
// changed its working directory.
func (b *boundSockets) below(d *model.UnixDetail, now model.UnixDetail) model.UnixDetail {
	if path.IsAbs(d.Path) || now.PathState == "own" || now.PathState == "other" && b.files[fileID{d.PathDev, uint32(now.PathNow)}] {
		return now
	}
	return model.UnixDetail{}
}

// nameRelatives sets the absolute paths of sockets with a relative path as their aliases, and
// removes aliases that are no longer known.
func (b *boundSockets) nameRelatives(idx *probe.Index) {
	for e := range idx.Among(Space) {
		d, ok := e.Object.Detail.(*model.UnixDetail)
		if !ok || d.Path == "" || path.IsAbs(d.Path) {
			continue
		}
		var aliases []string
		if name := b.names[fileOf(d)]; name != "" && d.PathIno != 0 {
			aliases = []string{name}
		}
		if !slices.Equal(aliases, e.Object.Aliases) {
			e.OwnObject().Aliases = aliases
		}
	}
}
