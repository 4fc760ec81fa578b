package graph

import (
	"slices"
	"strings"

	"github.com/ipctop/ipctop/model"
)

// Housekeeping reports whether a thread belongs to a language runtime and wakes from time
// to time by itself. Such a thread does nothing for which others wait.
func Housekeeping(p *model.Process, t *model.Thread, w *model.Wait) bool {
	return w != nil && w.Timed.Or(false) && runtimesOwn(p, t, w)
}

// runtimesOwn reports whether a thread belongs to a language runtime, not to the program.
// Such threads are recognised by what they are (their name or call), in processes that are known
// to run on that runtime; never by the fact that they sleep. The main thread is never one of them.
func runtimesOwn(p *model.Process, t *model.Thread, w *model.Wait) bool {
	if t.TID == p.PID || p.Threads < 2 {
		return false
	}
	switch p.Runtime {
	case model.RuntimeGo:
		return w.Monitor
	case model.RuntimeJVM:
		return slices.ContainsFunc(jvmThreads, func(name string) bool { return strings.HasPrefix(t.Comm, name) })
	case model.RuntimeNode:
		return slices.ContainsFunc(nodeThreads, func(name string) bool { return strings.HasPrefix(t.Comm, name) })
	}
	return false
}

// jvmThreads are the beginnings of the names of HotSpot's own threads (JDK 8 to 24). The kernel
// cuts names to 15 bytes, so they are cut here, too.
var jvmThreads = []string{
	"VM Thread", "VM Periodic Tas", "GC Thread#", "G1 ", "G1 Main Marker", "G1 Conc#", "G1 Refine#", "G1 Service", "ParGC Thread#", "ZDirector", "ZWorker#",
	"Shenandoah", "GC task thread#", "Gang worker#", "Concurrent Mark", "CMS Main Thread",
	"C1 CompilerThre", "C2 CompilerThre", "JVMCI Compiler", "Sweeper thread", "Monitor Deflati", "Service Thread", "Signal Dispatch", "Notification Th",
	"Reference Handl", "Finalizer", "Common-Cleaner", "Cleaner-", "StringDedupProc", "Attach Listener", "JFR ",
	"process reaper", // of the class library: waits for the end of one child
}

// nodeThreads are those of V8 and libuv.
var nodeThreads = []string{"V8Worker", "DelayedTaskSche", "libuv-worker", "SignalInspector"}

// runtimeName returns the usual name of a runtime.
func runtimeName(runtime string) string {
	switch runtime {
	case model.RuntimeGo:
		return "Go runtime"
	case model.RuntimeJVM:
		return "Java virtual machine"
	case model.RuntimeNode:
		return "Node.js runtime"
	}
	return "language runtime"
}
