package fleet

import (
	"path"
	"strconv"
	"strings"

	"github.com/ipctop/ipctop/model"
)

// namesOf are the names of the hosts in the merged snapshot: the hostname if it is unique,
// else the file's name.
func namesOf(members []Member) []string {
	hostnames, files := make([]string, len(members)), make([]string, len(members))
	for i, m := range members {
		hostnames[i] = clean(m.Snapshot.Host.Hostname)
		file := path.Base(m.Source)
		files[i] = clean(strings.TrimSuffix(file, path.Ext(file)))
	}
	names := make([]string, len(members))
	used := map[string]bool{}
	for i := range members {
		name := hostnames[i]
		if name == "" || count(hostnames, name) > 1 {
			name = files[i]
		}
		if name == "" {
			name = "host"
		}
		unique := name
		for n := 2; used[unique]; n++ {
			unique = name + "-" + strconv.Itoa(n)
		}
		used[unique], names[i] = true, unique
	}
	return names
}

// maxName limits the length of a host's name, which is repeated at each process.
const maxName = 64

// clean makes a name that can be part of an id and of a reference. The text comes from a
// file that may be from a stranger.
func clean(name string) string {
	name = model.CleanHost(name[:min(len(name), maxName)])
	if strings.Trim(name, "0123456789") == "" && name != "" {
		return "host-" + name // a number after @ means a namespace
	}
	return name
}

func count(list []string, s string) int {
	n := 0
	for _, x := range list {
		if x == s {
			n++
		}
	}
	return n
}
