"""Starts COUNT pairs of processes that live for a moment, each pair with a pipe
between them and both named after its inode number. Pids are re-used at once where
/proc/sys/kernel/ns_last_pid may be written."""
import os
import sys
import time

count = int(sys.argv[1])
os.closerange(3, 1024)  # what was inherited would be seen as pipes of the storm
base = os.getpid() + 50


def reuse(pid):
    try:
        with open("/proc/sys/kernel/ns_last_pid", "w") as f:
            f.write(str(pid))
    except OSError:
        pass


def child(name, keep, close):
    if os.fork() == 0:
        with open("/proc/self/comm", "w") as f:
            f.write(name)
        os.close(close)
        if keep[1] == "w":
            time.sleep(0.005)  # or a scan on a busy machine never meets it
            os.write(keep[0], b"x")
            os.close(keep[0])
        else:
            while os.read(keep[0], 1):
                pass
        os._exit(0)


print("begin", flush=True)
for n in range(count):
    if n % 40 == 0:
        reuse(base)
    r, w = os.pipe()
    ino = os.fstat(r).st_ino
    child("w%d" % ino, (w, "w"), r)
    child("r%d" % ino, (r, "r"), w)
    os.close(r)
    os.close(w)
    if n % 10 == 9:
        for _ in range(20):
            os.wait()
print("end", flush=True)
