package events

import (
	"fmt"
	"strconv"

	"github.com/ipctop/ipctop/fdscan/fdinfo"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/proc"
)

// bpfMapIDs are the numbers the kernel gives BPF maps (4.18): all of them have one
// inode.
var bpfMapIDs = &probe.KeySpace{Name: "bpf map id"}

var bpfMapClass = newAnonClass(model.BPFMap, false)

// BPFMap reads the maps and ring buffers of BPF.
func BPFMap() probe.Probe {
	return probe.Probe{
		Name: "bpf-map",
		FD: func(fd *probe.FD, out *probe.Collector) bool {
			if string(fd.Link) != "anon_inode:bpf-map" {
				return false
			}
			text, err := fd.Info()
			if proc.Gone(err) {
				return true
			}
			d := new(model.BPFMapDetail)
			if err == nil {
				d, err = parseBPFMap(text)
			}
			if err != nil {
				fd.Gap("bpf-map", "fdinfo", err)
			}
			k, o := bpfMapClass.identify(fd)
			if id, ok := d.MapID.Get(); ok {
				k = probe.Key{Space: bpfMapIDs, Num: uint64(id)}
				o.ID = "bpf-map:" + strconv.FormatInt(id, 10)
			}
			o.Detail = d
			h := fd.Holder()
			h.Access = fd.Access()
			out.AddHolder(k, h)
			out.Object(k, o)
			return true
		},
	}
}

// bpfMapTypes are the BPF_MAP_TYPE_ names by number (linux/bpf.h).
var bpfMapTypes = []string{
	"unspec", "hash", "array", "prog_array", "perf_event_array", "percpu_hash", "percpu_array", "stack_trace", "cgroup_array", "lru_hash",
	"lru_percpu_hash", "lpm_trie", "array_of_maps", "hash_of_maps", "devmap", "sockmap", "cpumap", "xskmap", "sockhash", "cgroup_storage",
	"reuseport_sockarray", "percpu_cgroup_storage", "queue", "stack", "sk_storage", "devmap_hash", "struct_ops", "ringbuf", "inode_storage",
	"task_storage", "bloom_filter", "user_ringbuf", "cgrp_storage", "arena", "insn_array",
}

// parseBPFMap reads the /proc/PID/fdinfo text of a BPF map. All its numbers are
// decimal except map_flags and map_extra, which are not read.
func parseBPFMap(text []byte) (*model.BPFMapDetail, error) {
	d := new(model.BPFMapDetail)
	err := fdinfo.EachField(text, func(key string, v []byte) error {
		var to *model.Opt[int64]
		switch key {
		case "key_size":
			to = &d.KeySize
		case "value_size":
			to = &d.ValueSize
		case "max_entries":
			to = &d.MaxEntries
		case "memlock":
			to = &d.Memory
		case "map_id":
			to = &d.MapID
		case "map_type", "frozen":
		default:
			return nil
		}
		n, err := fdinfo.Decimal(v)
		if err != nil {
			return err
		}
		if n < 0 {
			return fmt.Errorf("negative")
		}
		switch key {
		case "map_type":
			if d.MapType = strconv.FormatInt(n, 10); n < int64(len(bpfMapTypes)) {
				d.MapType = bpfMapTypes[n]
			}
		case "frozen":
			d.Frozen = model.Some(n != 0)
		default:
			*to = model.Some(n)
		}
		return nil
	})
	return d, err
}
