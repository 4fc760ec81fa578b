package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// rowLock lets a session of PostgreSQL lock a row that another one wants to change.
func (q *quiet) rowLock(port, dir string) {
	if !q.have("psql") {
		return
	}
	startRowLock(q.t, port, dir)
	q.started("a row lock of PostgreSQL")
}

// pythonIdle starts pools whose main thread waits for a signal, and one that gets a job now and then.
func (q *quiet) pythonIdle() {
	if !q.have("python3") {
		return
	}
	for _, script := range []string{poolInterrupted, poolTerminated, poolPaused, executorPaused, executorWaits, supervisor, trickle} {
		startReal(q.t, "python3", "-c", script)
	}
	q.started("Python's idle pools")
}

const (
	poolPaused = poolIdle + "signal.pause()"

	executorWaits = `import concurrent.futures as cf, threading
def work(x): return x
e = cf.ProcessPoolExecutor(3); list(e.map(work, range(9))); threading.Event().wait()`

	trickle = `import multiprocessing as mp, time
def work(jobs, results):
    while True: results.put(jobs.get() + 1)
mp.set_start_method("fork"); jobs, results = mp.Queue(), mp.Queue()
workers = [mp.Process(target=work, args=(jobs, results), daemon=True) for _ in range(4)]
for w in workers: w.start()
while True:
    time.sleep(0.3); jobs.put(1); results.get()`
)

// scripts starts shell scripts that keep pipes open.
func (q *quiet) scripts() {
	if !q.have("bash", "tee") {
		return
	}
	for _, script := range []string{
		"exec > >(tee DIR/log >/dev/null); sleep 1000; true",
		"exec > >(tee DIR/log >/dev/null) 2>&1; while true; do echo at work; sleep 0.2; done",
		"coproc cat; while true; do sleep 0.3; echo x >&${COPROC[1]}; read -r y <&${COPROC[0]}; done",
		"coproc cat; sleep 1000; true",
		"exec > >(while read -r line; do echo \"$line\" >>DIR/lines; done); while true; do echo at work; sleep 0.3; done",
		"exec 3> >(while read -r line; do :; done); sleep 1000 & wait",
	} {
		startReal(q.t, "bash", "-c", strings.ReplaceAll(script, "DIR", q.dir))
	}
	q.started("scripts that log through pipes")
}

// supervisors starts programs that have a child and wait for its end or a signal.
func (q *quiet) supervisors() {
	if q.have("java") {
		startReal(q.t, javaProgram(javaIdle)(q.t)...)
		q.started("a supervisor in Java")
	}
	if q.have("go") {
		goes := goProgram(q.t)
		startReal(q.t, goes, "supervise", q.dir)
		startReal(q.t, goes, "idle", q.dir)
		q.started("a supervisor in Go")
	}
}

// wsgiApplication answers a request.
const wsgiApplication = `def application(environ, start):
    start("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]
`

func (q *quiet) gunicorn() {
	if !q.have("gunicorn") {
		return
	}
	writeFile(q.t, filepath.Join(q.dir, "app.py"), wsgiApplication)
	for _, class := range []string{"sync", "gthread"} {
		port := freePort(q.t)
		startReal(q.t, "gunicorn", "--chdir", q.dir, "-k", class, "-w", "3", "-b", "127.0.0.1:"+port, "app:application")
		q.serves("gunicorn "+class, port)
	}
}

func (q *quiet) uwsgi() {
	if _, err := os.Stat("/usr/lib/uwsgi/plugins/python3_plugin.so"); err != nil || !q.have("uwsgi") {
		return
	}
	script := filepath.Join(q.dir, "wsgi.py")
	writeFile(q.t, script, wsgiApplication)
	for name, extra := range map[string][]string{"uwsgi": nil, "uwsgi that takes turns": {"--thunder-lock", "--threads", "2"}} {
		port := freePort(q.t)
		startReal(q.t, append([]string{
			"uwsgi", "--plugin", "python3", "--http-socket", "127.0.0.1:" + port, "--wsgi-file", script, "--master", "--processes", "3",
			"--die-on-term", "--disable-logging",
		}, extra...)...)
		q.serves(name, port)
	}
}

// serves waits until a web server answers, and puts it under load.
func (q *quiet) serves(name, port string) {
	for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		c, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			c.Close()
			break
		}
		if time.Now().After(end) {
			q.t.Fatalf("%s: %v", name, err)
		}
	}
	q.started(name)
	q.bench(port)
}

func (q *quiet) make() {
	if !q.have("make") {
		return
	}
	file := filepath.Join(q.dir, "Makefile")
	writeFile(q.t, file, "all: a b c d e\na b c d e:\n\t@+$(MAKE) -s -f "+file+" deep\ndeep: f g h\nf g h:\n\t@sleep 1000\n.PHONY: all a b c d e deep f g h\n")
	startReal(q.t, "make", "-s", "-j4", "-f", file)
	q.started("make")
}

func (q *quiet) parallel() {
	if !q.have("parallel") {
		return
	}
	startReal(q.t, "sh", "-c", "seq 100000 | HOME="+q.dir+" parallel --will-cite -j4 'sleep 0.5; echo {}' >/dev/null")
	q.started("parallel")
}

// apacheConfig has two listeners, so that the processes take turns to accept, by a mutex.
const apacheConfig = `ServerRoot %[1]s
PidFile %[1]s/pid
ErrorLog %[1]s/errors
ServerName localhost
Listen 127.0.0.1:%[2]s
Listen 127.0.0.1:%[3]s
LoadModule mpm_prefork_module /usr/lib/apache2/modules/mod_mpm_prefork.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
User www-data
Group www-data
Mutex %[4]s
StartServers 4
MinSpareServers 4
DocumentRoot %[1]s
`

func (q *quiet) apache() {
	const module = "/usr/lib/apache2/modules/mod_mpm_prefork.so"
	if _, err := os.Stat(module); err != nil || os.Geteuid() != 0 {
		q.t.Log("Apache with prefork is not installed, or this is not root: left out")
		return
	}
	for _, mutex := range []string{"fcntl:%s", "flock:%s", "sysvsem", "posixsem", "pthread"} {
		name, _, _ := strings.Cut(mutex, ":")
		dir := filepath.Join(q.dir, "apache-"+name)
		if err := os.Mkdir(dir, 0o755); err != nil {
			q.t.Fatal(err)
		}
		if strings.Contains(mutex, "%s") {
			mutex = fmt.Sprintf(mutex, dir)
		}
		port := freePort(q.t)
		config := filepath.Join(dir, "conf")
		writeFile(q.t, config, fmt.Sprintf(apacheConfig, dir, port, freePort(q.t), mutex))
		if err := os.WriteFile(filepath.Join(dir, "index.html"), []byte("hello"), 0o644); err != nil {
			q.t.Fatal(err)
		}
		startReal(q.t, "/usr/sbin/apache2", "-D", "FOREGROUND", "-f", config)
		pidFile(q.t, filepath.Join(dir, "pid"))
		q.started("Apache, mutex " + name)
		q.bench(port + "/index.html?")
	}
}
