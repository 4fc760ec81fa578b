package model

// BPFMapDetail is the detail of a BPF map (bpf(2)).
type BPFMapDetail struct {
	MapID      Opt[int64] `json:"map_id,omitzero" doc:"id for bpftool(8) and BPF_MAP_GET_FD_BY_ID"`
	MapType    string     `json:"map_type,omitzero" doc:"its type, as BPF_MAP_TYPE_ names it, in lower case: hash, array, ringbuf …"`
	KeySize    Opt[int64] `json:"key_size,omitzero" unit:"bytes" doc:"size of a key; 0: it has no keys"`
	ValueSize  Opt[int64] `json:"value_size,omitzero" unit:"bytes" doc:"size of a value; 0: its values have no fixed size"`
	MaxEntries Opt[int64] `json:"max_entries,omitzero" doc:"maximum number of entries; of a ring buffer its size in bytes"`
	Memory     Opt[int64] `json:"memory,omitzero" unit:"bytes" doc:"memory that it takes, as the kernel estimates it (memlock)"`
	Frozen     Opt[bool]  `json:"frozen,omitzero" doc:"programs in user space can no longer change it (BPF_MAP_FREEZE)"`
}

// DetailKind implements [Detail].
func (*BPFMapDetail) DetailKind() Kind { return BPFMap }

var bpfMapInfo = KindInfo{
	Name:        BPFMap,
	Title:       "BPF map",
	Category:    "memory",
	Data:        "state",
	Direction:   "both ways",
	Persistence: "process",
	Calls:       []string{"bpf"},
	Man:         []string{"bpf(2)", "bpf-helpers(7)"},
	About: "A table or ring buffer in the kernel that BPF programs and processes share: counters, configuration, events of tracers and network " +
		"filters. It lives as long as a descriptor, a BPF program or a name in a bpf file system leads to it.",
	Source: "the links /proc/PID/fd/N and map_type, key_size, value_size, max_entries, memlock, map_id (4.18) and frozen (5.2) in " +
		"/proc/PID/fdinfo/N. Before 4.18 the id is that of its lowest descriptor",
	Privilege: kcmpPrivilege,
	Unseen: "what is in it and how many entries it has; the BPF programs that use it; who maps a map without a descriptor of it; maps that no process " +
		"has a descriptor of",
	NewDetail: func() Detail { return new(BPFMapDetail) },
}
