package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// fpmConfig has one pool of each sort. Workers take turns to accept.
const fpmConfig = `[global]
error_log = %[1]s/errors
[static]
listen = %[1]s/static
listen.mode = 0666
pm = static
pm.max_children = 3
ping.path = /ping
user = www-data
[dynamic]
listen = %[1]s/dynamic
pm = dynamic
pm.max_children = 5
pm.start_servers = 2
pm.min_spare_servers = 1
pm.max_spare_servers = 3
user = www-data
[ondemand]
listen = %[1]s/ondemand
pm = ondemand
pm.max_children = 3
user = www-data
`

// fpmClient asks for /ping by FastCGI.
const fpmClient = `
import socket, struct, sys
def record(kind, body): return struct.pack(">BBHHBx", 1, kind, 1, len(body), 0) + body
def pairs(**v): return b"".join(bytes([len(k), len(x)]) + k.encode() + x.encode() for k, x in v.items())
for i in range(500):
    s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
    s.sendall(record(1, b"\0\1\0\0\0\0\0\0") + record(4, pairs(SCRIPT_NAME="/ping", SCRIPT_FILENAME="/ping", REQUEST_METHOD="GET")) + record(4, b"") + record(5, b""))
    got = b""
    while b := s.recv(4096): got += b
    assert b"pong" in got, got
`

func (q *quiet) phpFPM() {
	programs, _ := filepath.Glob("/usr/sbin/php-fpm*")
	if len(programs) == 0 || os.Geteuid() != 0 {
		q.t.Log("php-fpm is not installed, or this is not root: left out")
		return
	}
	dir := filepath.Join(q.dir, "fpm")
	if err := os.Mkdir(dir, 0o755); err != nil {
		q.t.Fatal(err)
	}
	config := filepath.Join(dir, "conf")
	writeFile(q.t, config, fmt.Sprintf(fpmConfig, dir))
	startReal(q.t, programs[0], "-F", "-n", "-y", config)
	waitFor(q.t, filepath.Join(dir, "ondemand"))
	q.started("php-fpm")
	if q.have("python3") {
		q.loads = append(q.loads, func() []string { return []string{"python3", "-c", fpmClient, filepath.Join(dir, "static")} })
	}
}

// nodeServers have workers of each sort: processes that share a listener, a child that
// sends messages, a thread, and a command.
const nodeServers = `
const cluster = require("cluster"), cp = require("child_process"), { Worker, isMainThread, parentPort } = require("worker_threads");
if (!isMainThread) parentPort.on("message", () => 0);
else if (process.argv[2] == "child") process.on("message", () => 0);
else if (cluster.isPrimary) {
    cluster.fork(); cluster.fork(); cp.fork(__filename, ["child"]); new Worker(__filename);
    cp.spawn("cat").stdout.on("data", () => 0); console.log("ready");
} else require("http").createServer((q, s) => s.end("hello")).listen(+process.env.PORT, "127.0.0.1");
`

func (q *quiet) node() {
	if !q.have("node") {
		return
	}
	script := filepath.Join(q.dir, "servers.js")
	writeFile(q.t, script, nodeServers)
	port := freePort(q.t)
	q.t.Setenv("PORT", port)
	startReal(q.t, "node", script).line(q.t)
	q.serves("Node.js", port)
}
