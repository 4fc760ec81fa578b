"""Shares memory with a child as servers that fork do: fork.py SIZE.

Prints "ready PARENT CHILD" and holds it until standard input ends."""
import mmap
import os
import signal
import sys

memory = mmap.mmap(-1, int(sys.argv[1]))
memory[0] = 1
child = os.fork()
if child == 0:
    signal.pause()
print("ready", os.getpid(), child, flush=True)
sys.stdin.read()
os.kill(child, signal.SIGKILL)
os.waitpid(child, 0)
