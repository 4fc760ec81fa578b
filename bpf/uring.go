package bpf

import (
	_ "embed"
	"slices"

	"github.com/cilium/ebpf/btf"
)

//go:embed programs/uring.bpf.o
var uringObject []byte

// uring returns the object for requests to an io_uring, if any are asked for and the kernel's
// tracepoints are those that the object knows (Linux 6.0).
func (o *TraceOptions) uring(types *btf.Spec) (object tracedObject, ok bool) {
	var asked uint32
	for _, what := range []int{tracedConnect, tracedAccept, tracedSend, tracedReceive} {
		if o.asksFor(what) {
			asked |= 1 << what
		}
	}
	names := []string{"io_uring_submit_req", "io_uring_submit_sqe"} // from Linux 6.3 on, and before it
	i := slices.IndexFunc(names, func(name string) bool { return arguments(types, name) != 0 })
	completion := arguments(types, "io_uring_complete")
	var request *btf.Struct
	if asked == 0 || i < 0 || completion != 3 && completion != 7 || types.TypeByName("io_cmd_data", &request) != nil {
		return object, false
	}
	byEntry := uint32(0)
	if completion == 3 { // the ring, the request and the entry; before Linux 6.13 the fields of the entry
		byEntry = 1
	}
	return tracedObject{
		object: uringObject, variables: map[string]any{"asked": asked, "by_entry": byEntry},
		at: map[string]string{"request_submitted": names[i], "request_completed": "io_uring_complete"},
	}, true
}

// arguments returns how many arguments a tracepoint of the kernel has, 0 if there is no tracepoint
// of that name.
func arguments(types *btf.Spec, tracepoint string) int {
	var function *btf.Typedef
	if types.TypeByName("btf_trace_"+tracepoint, &function) != nil {
		return 0
	}
	pointer, ok := function.Type.(*btf.Pointer)
	if !ok {
		return 0
	}
	prototype, ok := pointer.Target.(*btf.FuncProto)
	if !ok {
		return 0
	}
	return len(prototype.Params) - 1 // the first one is the program's own
}
