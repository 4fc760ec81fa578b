package main

import "strings"

// javaScript runs a program of one class; BODY stands for its body.
const javaScript = `command -v java >/dev/null || { echo java is missing; exit; }
cat >DIR/Talk.java <<END
import java.util.concurrent.*;
public class Talk { public static void main(String[] a) throws Exception { BODY } }
END
exec java -Xshare:auto DIR/Talk.java`

const (
	// Program and child each read what the other should write.
	javaReads = `Process p = new ProcessBuilder("cat").start();
System.out.println(p.pid() + " " + ProcessHandle.current().pid()); p.getInputStream().read();`

	// The same with a child that is a Java program, too.
	javaReadsJava = `if (System.getenv("CHILD") != null) { System.in.read(); return; }
ProcessBuilder b = new ProcessBuilder("java", "DIR/Talk.java"); b.environment().put("CHILD", "1"); Process p = b.start();
System.out.println(p.pid() + " " + ProcessHandle.current().pid()); p.getInputStream().read();`

	// The child writes to a pipe that the program does not read, as the program waits for its end.
	javaWaits = `Process p = new ProcessBuilder("head", "-c", "1000000", "/dev/zero").start();
System.out.println(p.pid() + " " + ProcessHandle.current().pid()); p.waitFor();`

	// The same, while a thread of the program wakes now and then.
	javaBeats = `Process p = new ProcessBuilder("cat").start();
Executors.newScheduledThreadPool(1).scheduleAtFixedRate(() -> {}, 1000, 1000, TimeUnit.SECONDS);
System.out.println(p.pid() + " " + ProcessHandle.current().pid()); p.getInputStream().read();`

	javaLimited = `Process p = new ProcessBuilder("cat").start();
System.out.println(p.pid() + " " + ProcessHandle.current().pid()); p.waitFor(1000, TimeUnit.SECONDS);`

	// asyncio reads only as much as it has room for, and waits for the child's end.
	asyncioWaits = `
import asyncio, os
async def main():
    p = await asyncio.create_subprocess_exec("head", "-c", "10000000", "/dev/zero", stdout=asyncio.subprocess.PIPE)
    print(p.pid, os.getpid(), flush=True); await p.wait()
asyncio.run(main())
`
	asyncioBeats = `
import asyncio, os
async def main():
    p = await asyncio.create_subprocess_exec("cat", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
    print(p.pid, os.getpid(), flush=True); await asyncio.wait_for(p.stdout.readline(), 1000)
asyncio.run(main())
`
	// Workers wait for an event that a handler sets; their parent waits for their end.
	eventOfHandler = `
import multiprocessing as mp, os, signal
mp.set_start_method("fork"); e = mp.Event()
workers = [mp.Process(target=e.wait) for _ in range(3)]
for p in workers: p.start()
signal.signal(signal.SIGTERM, lambda *a: e.set())
print(workers[0].pid, os.getpid(), flush=True); [p.join() for p in workers]
`
	// More jobs than tokens, in a make that another make has started.
	makeBelowMake = `command -v make >/dev/null || { echo make is missing; exit; }
printf 'all:\n\t+$(MAKE) -s -f DIR/Makefile sub\nsub: a b c d\na b c d:\n\techo $$PPID $$$$; sleep 300; :\n' >DIR/Makefile
exec make -s -j2 -f DIR/Makefile`

	nodeReads = `const c = require("child_process").spawn("head", ["-c", "10000000", "/dev/zero"]); c.stdout.pause(); c.on("exit", () => 0);
console.log(c.pid, process.pid)`
	nodeIdle = `const c = require("child_process").spawn("cat"); c.stdout.on("data", () => 0); console.log(c.pid, process.pid)`
)

func javaCommand(body string) []string {
	return []string{"bash", "-c", strings.Replace(javaScript, "BODY", body, 1)}
}

var stuckRuntimes = []stuckScript{
	{"Java program and child that read from each other", "deadlock", javaCommand(javaReads), "wait for each other"},
	{"two Java programs that read from each other", "deadlock", javaCommand(javaReadsJava), "wait for each other"},
	{"Java program that waits for a child that writes", "deadlock", javaCommand(javaWaits), "wait for each other"},
	{"asyncio that waits for a child that writes", "deadlock", []string{"python3", "-c", asyncioWaits}, "wait for each other"},
	{"Node.js that does not read", "deadlock", []string{"node", "-e", nodeReads}, "wait for each other"},
}

var healthyRuntimes = []stuckScript{
	{name: "Java program with a heartbeat", argv: javaCommand(javaBeats)},
	{name: "Java program that waits for so long", argv: javaCommand(javaLimited)},
	{name: "asyncio with a time limit", argv: []string{"python3", "-c", asyncioBeats}},
	{name: "event that a handler sets", argv: []string{"python3", "-c", eventOfHandler}},
	{name: "make below make", argv: []string{"bash", "-c", makeBelowMake}},
	{name: "Node.js with a child that has nothing to do", argv: []string{"node", "-e", nodeIdle}},
}
