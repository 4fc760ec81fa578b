package diagnose

import (
	"fmt"

	"github.com/ipctop/ipctop/diagnose/graph"
	"github.com/ipctop/ipctop/model"
)

var unreachableListenerRule = Rule{
	ID:       "unreachable-listener",
	Short:    "path replaced",
	Title:    "socket path replaced by another listener",
	Severity: model.Warning,
	Means: "The process listens on a UNIX socket whose file was removed or replaced: anyone who connects to the path reaches another server, or nobody. Two instances of a " +
		"program that remove an old socket file before they bind do this to each other; so do programs that clean up /tmp.",
	Evidence: "The device and inode of the file that the socket is bound to (unix_diag), and what the path leads to now, in the mount namespaces of ipctop and of all " +
		"processes that have the socket open.",
	Do: "End the one that is not wanted, or restart the server so that it binds again. Existing connections are not affected.",
	FalseAlarm: "A server that hands out connected sockets and removes its path on purpose. Where nothing is at the path the finding is only worth knowing (info). On file " +
		"systems that show other inode numbers than the kernel uses (overlay, btrfs) only a path that is gone is seen.",
	find: findUnreachableListener,
}

func findUnreachableListener(v *view) []finding {
	var list []finding
	for _, o := range v.graph.Marked(graph.Listens) {
		d, ok := o.Detail.(*model.UnixDetail)
		if !ok || d.PathState != "other" && d.PathState != "nothing" || len(o.Holders) == 0 {
			continue
		}
		servers := holders(o, nil)
		listens := verb(len(servers), "listens", "listen")
		f := finding{Finding: model.Finding{
			Confidence: model.Certain, Objects: []string{o.ID}, PIDs: servers, Root: v.root(servers[0], "listens where no client gets to; "+v.doing(servers[0])),
			Summary:  fmt.Sprintf("%s %s on %s, but nothing is at that path any more", v.names(servers), listens, d.Path),
			Severity: model.Info,
			Evidence: []model.Evidence{{Source: "unix_diag", Text: fmt.Sprintf("%s is bound to inode %s of device %s", o.ID, d.PathIno, d.PathDev)}},
		}}
		if d.PathState == "other" {
			f.Severity = model.Warning
			f.Summary = fmt.Sprintf("%s %s on %s, but that path leads to another file now", v.names(servers), listens, d.Path)
			f.Evidence = append(f.Evidence, model.Evidence{Source: d.Path, Text: "inode " + d.PathNow.String()})
			if next := v.boundTo(d.PathDev, d.PathNow); next != nil {
				f.Objects, f.PIDs = append(f.Objects, next.ID), append(f.PIDs, holders(next, nil)...)
				f.Summary = fmt.Sprintf("%s %s on %s, but that path leads to %s of %s now", v.names(servers), listens, d.Path, next.ID, v.names(holders(next, nil)))
			}
		}
		list = append(list, f)
	}
	return list
}

// boundTo returns the socket that is bound to a file; unix_diag reports only the low half
// (32 bits) of the inode number.
func (v *view) boundTo(dev string, ino model.Big) *model.Object {
	for _, o := range v.graph.OfKind(model.Unix) {
		if d, ok := o.Detail.(*model.UnixDetail); ok && d.State != "stale" && d.PathDev == dev && d.PathIno != 0 && uint32(d.PathIno) == uint32(ino) {
			return o
		}
	}
	return nil
}
