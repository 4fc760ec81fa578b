package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// keeps is a command that ends, and leaves behind a process that keeps its output open.
const keeps = `sleep 300 & echo $! >DIR/keeper; echo started`

// Programs that read this command's output until end of file, in the ways of shells and runtimes.
const (
	substitution = `(v=$(sh -c 'KEEPS'); :) & r=$!; until [ -s DIR/keeper ]; do sleep 0.05; done; sleep 0.2; echo $r $(cat DIR/keeper); wait`
	pipeline     = `sh -c 'KEEPS' | cat >/dev/null & r=$!; until [ -s DIR/keeper ]; do sleep 0.05; done; echo $r $(cat DIR/keeper); wait`
	captured     = `
import os, subprocess, time
pid = os.fork()
if pid == 0: subprocess.run(["sh", "-c", "KEEPS"], HOW); os._exit(0)
time.sleep(0.5); print(pid, open("DIR/keeper").read().strip(), flush=True); time.sleep(1000)
`
	nodeCaptured = `
const { exec } = require("child_process"), fs = require("fs");
exec("KEEPS", () => process.exit());
setTimeout(() => console.log(process.pid, fs.readFileSync("DIR/keeper", "utf8").trim()), 700);
`
	goCaptured = `package main
import ("fmt"; "os"; "os/exec"; "time")
func main() {
	go func() { time.Sleep(time.Second/2); b, _ := os.ReadFile("DIR/keeper"); fmt.Println(os.Getpid(), string(b[:len(b)-1])) }()
	exec.Command("sh", "-c", "KEEPS").Output()
}
`
)

// Programs whose pipes are kept open by the processes that are meant to use them.
const (
	running   = `sleep 300 | cat >/dev/null & r=$!; sleep 0.2; echo $r $(ps -o pid= --ppid $$ -C sleep | head -1); wait`
	following = `tail -f /dev/null | grep x >/dev/null & echo $! ; wait`
	orphans   = `bash -c 'exec 3>&1 > >(exec cat >/dev/null); r=$!; sleep 300 3>&- & echo $r $! >&3'; sleep 300`
	logs      = `(bash -c 'exec 3>&1 > >(exec cat >/dev/null); echo $! $$ >&3; exec 3>&-; sleep 300' &); read x`
	agent     = `eval $(ssh-agent) >/dev/null || { echo ssh-agent is missing; exit; }; trap 'kill $SSH_AGENT_PID' EXIT; echo $$ $SSH_AGENT_PID; read x`
	services  = `
import os, select, subprocess, sys, time
one = subprocess.Popen(["sh", "-c", "sleep 300 & echo $! >DIR/keeper"], stdout=subprocess.PIPE); two = subprocess.Popen(["sleep", "300"], stdout=subprocess.PIPE)
time.sleep(0.3); print(os.getpid(), two.pid, open("DIR/keeper").read().strip(), flush=True)
p = select.poll(); p.register(one.stdout, 1); p.register(two.stdout, 1); p.poll()
`
	notified = `
import os, time
r, w = os.pipe()
reader = os.fork()
if reader == 0:
    if os.fork() == 0:
        if os.fork() == 0:
            os.setsid(); open("DIR/daemon", "w").write("%d" % os.getpid()); time.sleep(1000)
        os._exit(0)
    os.close(w); os.read(r, 1); os._exit(0)
os.close(w); os.close(r)
while not os.path.exists("DIR/daemon"): time.sleep(0.05)
time.sleep(0.3); print(reader, flush=True); time.sleep(1000)
`
)

func keeping(program string) string { return strings.ReplaceAll(program, "KEEPS", keeps) }

// readerOfJobs starts a job for a part of what it reads, and reads on when the job has ended.
const readerOfJobs = `yes > >(exec xargs -n 1 sh -c 'echo $PPID >DIR/reader; JOB; :') & writer=$!
until [ -s DIR/reader ]; do sleep 0.1; done; echo PIDS; wait; :`

func jobs(job, pids string) string {
	return strings.NewReplacer("JOB", job, "PIDS", pids).Replace(readerOfJobs)
}

var stuckPipes = []stuckScript{
	{"reader whose job sleeps", "pipe-full", []string{"bash", "-c", jobs("sleep 300", "$writer $(cat DIR/reader)")}, "the chain ends at sleep"},
	{"command substitution", "kept-open", []string{"bash", "-c", keeping(substitution)}, "sleep"},
	{"pipeline", "kept-open", []string{"bash", "-c", keeping(pipeline)}, "sleep"},
	{"pipeline of dash", "kept-open", []string{"dash", "-c", keeping(pipeline)}, "sleep"},
	{"subprocess with capture_output", "kept-open", []string{"python3", "-c", strings.ReplaceAll(keeping(captured), "HOW", "capture_output=True")}, "sleep"},
	{"subprocess with one pipe", "kept-open", []string{"python3", "-c", strings.ReplaceAll(keeping(captured), "HOW", "stdout=subprocess.PIPE")}, "sleep"},
	{"Node's exec", "kept-open", []string{"node", "-e", keeping(nodeCaptured)}, "sleep"},
}

var healthyPipes = []stuckScript{
	{name: "reader whose job runs", argv: []string{"bash", "-c", jobs("while :; do :; done", "$(cat DIR/reader) $writer")}},
	{name: "pipeline that runs", argv: []string{"bash", "-c", running}},
	{name: "follower", argv: []string{"bash", "-c", following}},
	{name: "logger of what a script has left", argv: []string{"bash", "-c", orphans}},
	{name: "script that logs, left by its starter", argv: []string{"bash", "-c", logs}},
	{name: "ssh-agent", argv: []string{"bash", "-c", agent}},
	{name: "supervisor", argv: []string{"python3", "-c", services}},
	{name: "daemon that is to say when it is ready", argv: []string{"python3", "-c", notified}},
}

// TestKeptFromGo: a Go program reads in any thread of its runtime, and its main thread waits for that.
// (Java does not wait: when a process ends, its runtime reads what the pipe holds and closes it.)
func TestKeptFromGo(t *testing.T) {
	dir := shortDir(t)
	program := filepath.Join(dir, "captured")
	writeFile(t, program+".go", strings.ReplaceAll(keeping(goCaptured), "DIR", dir))
	if out, err := exec.Command("go", "build", "-o", program, program+".go").CombinedOutput(); err != nil {
		t.Skipf("go: %v\n%s", err, out)
	}
	p := startReal(t, program)
	pids := numbers(t, p.line(t))
	f := findingAbout(t, "kept-open", pids[0])
	if f.Root == nil || f.Root.PID != pids[1] || len(f.Actions) == 0 {
		t.Fatalf("%s: root %+v, want %d; actions %v", f.Summary, f.Root, pids[1], f.Actions)
	}
	if out, err := exec.Command(f.Actions[0].Argv[0], f.Actions[0].Argv[1:]...).CombinedOutput(); err != nil {
		t.Errorf("%v: %v %s", f.Actions[0].Argv, err, out)
	}
	_ = p.in.Close()
}
