package diagnose

import (
	"fmt"

	"github.com/ipctop/ipctop/diagnose/graph"
	"github.com/ipctop/ipctop/model"
)

var staleSocketPathRule = Rule{
	ID:       "stale-socket-path",
	Short:    "stale path",
	Title:    "socket file that no socket is bound to",
	Severity: model.Info,
	Means: "A UNIX socket's file is left in the file system although no socket is bound to it: anyone who connects gets ECONNREFUSED, and a server that does not remove " +
		"the file first cannot bind to the path again (EADDRINUSE). The server ended without removing it.",
	Evidence: "The file's device and inode, which none of the sockets in any network namespace is bound to (unix_diag). Looked at are the directories in which some socket " +
		"is bound, /run and /tmp; only ipctop check looks, because anyone who watches such a directory sees it opened.",
	Do:         "Remove the file, or start the server again if it removes the file itself.",
	FalseAlarm: "A socket in a network namespace that could not be entered; then the finding is possible and no more.",
	find:       findStaleSocketPath,
}

func findStaleSocketPath(v *view) []finding {
	var list []finding
	for _, o := range v.graph.Marked(graph.Stale) {
		d := o.Detail.(*model.UnixDetail)
		f := finding{Finding: model.Finding{
			Confidence: model.Certain, Objects: []string{o.ID}, Summary: fmt.Sprintf("no socket is bound to %s", d.Path),
			Evidence: []model.Evidence{{Source: d.Path, Text: fmt.Sprintf("a socket's file, inode %s of device %s; no socket is bound to that", d.PathIno, d.PathDev)}},
			Actions:  v.remove(o, d.Path, "removes the name, so that a server can bind to it", noRisk),
		}}
		if !o.HoldersComplete {
			f.Confidence, f.LoweredBy = model.Possible, []string{"sockets in a network namespace that could not be entered may be bound to it"}
		}
		list = append(list, f)
	}
	return list
}
