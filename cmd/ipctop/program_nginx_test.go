package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/ipctop/ipctop/model"
)

const nginxConfig = `daemon off; master_process on; worker_processes 2; pid %[1]s/pid; error_log %[1]s/errors;
events { worker_connections 16; }
http { access_log off; client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/fastcgi;
uwsgi_temp_path %[1]s/uwsgi; scgi_temp_path %[1]s/scgi; limit_req_zone $binary_remote_addr zone=one:3m rate=1r/s;
server { listen 127.0.0.1:%[2]s; listen unix:%[1]s/socket; location / { return 200; } } }
`

// The master and the workers of a web server share its listeners and its shared memory
// zone, and are connected by sockets.
func TestProgramWebServer(t *testing.T) {
	dir := shortDir(t)
	port := freePort(t)
	config := filepath.Join(dir, "conf")
	writeFile(t, config, fmt.Sprintf(nginxConfig, dir, port))
	startReal(t, "nginx", "-p", dir, "-e", filepath.Join(dir, "errors"), "-c", config)
	master := pidFile(t, filepath.Join(dir, "pid"))
	var workers []int
	for end := time.Now().Add(time.Minute); len(workers) < 2 && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		workers = childrenOf(t, master)
	}
	if len(workers) != 2 {
		t.Fatalf("workers %v, 2 are configured", workers)
	}
	time.Sleep(200 * time.Millisecond) // they close the descriptors that belong to others
	snap := newScan(t)
	all := append(slices.Clone(workers), master)

	tcp := the(t, snap, model.TCP, "the listener", func(o *model.Object) bool {
		d := o.Detail.(*model.InetDetail)
		return d.State == "LISTEN" && d.Local == "127.0.0.1:"+port
	})
	heldBy(t, tcp, model.ViaFD, all...)
	path := filepath.Join(dir, "socket")
	local := the(t, snap, model.Unix, "the listener with a path", func(o *model.Object) bool { return o.Detail.(*model.UnixDetail).Path == path })
	heldBy(t, local, model.ViaFD, all...)

	if os.Geteuid() == 0 { // only root sees the sizes of such mappings; master and workers show them all the same
		zone := the(t, snap, model.ShmAnon, "the zone of 3 MiB", func(o *model.Object) bool {
			return o.Detail.(*model.MemoryDetail).Size == model.Some[int64](3<<20) && slices.ContainsFunc(o.Holders, func(h model.Holder) bool { return int(h.PID) == master })
		})
		heldBy(t, zone, model.ViaMap, all...)
		for _, h := range zone.Holders {
			if h.Size != model.Some[int64](3<<20) || h.Access != model.ReadWrite {
				t.Errorf("the zone is mapped so: %+v %+v", h, h.Extent)
			}
		}
	}

	// The master controls each worker over a socket pair.
	for _, worker := range workers {
		pairs := 0
		for i := range snap.Objects {
			o := snap.Objects[i]
			if o.Kind != model.Unix || len(o.Peers) != 1 || !slices.ContainsFunc(o.Holders, func(h model.Holder) bool { return int(h.PID) == worker }) {
				continue
			}
			if slices.ContainsFunc(peerOf(t, snap, o).Holders, func(h model.Holder) bool { return int(h.PID) == master }) {
				pairs++
			}
		}
		if pairs == 0 {
			t.Errorf("nothing leads from the master to worker %d", worker)
		}
		w := processOf(t, snap, worker)
		if w.PPID != master {
			t.Errorf("worker %+v is no child of %d", w, master)
		}
	}
	idle := 0
	for _, w := range snap.Waits {
		if slices.Contains(workers, w.PID) && w.Call == "epoll_wait" {
			idle++
		}
	}
	if idle != 2 {
		t.Errorf("%d workers wait in epoll_wait, want 2", idle)
	}
}
