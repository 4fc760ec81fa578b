package testfixtures

import (
	"os"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

func bpfMapFixtures() []Fixture {
	return []Fixture{{
		Name:  "bpf-map",
		Makes: "a BPF array of 16 values of 17 bytes, shared by two processes",
		explain: explanation{
			picture: "{1} ⇄ BPF array ⇄ {2}",
			calls: []string{
				"ipctop: bpf(BPF_MAP_CREATE), inherited by both",
			},
			proc: []procFile{
				{"/proc/{1}/fd/3", "anon_inode:bpf-map"},
				{"/proc/{1}/fdinfo/3", "map_id: {id}"},
			},
		},
		Needs: "CAP_BPF",
		make:  makeBPFMap,
		roles: map[string]func(*role) error{"a": holdRole, "b": holdRole},
	}}
}

func makeBPFMap(m *maker) (object, error) {
	attr := [5]uint32{unix.BPF_MAP_TYPE_ARRAY, 4, 17, 16} // type, key size, value size, entries, flags
	fd, err := call(unix.SYS_BPF, unix.BPF_MAP_CREATE, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr), 0)
	if err != nil {
		return object{}, needing("CAP_BPF", os.NewSyscallError("bpf", err))
	}
	m.own(fd)
	var held []tree
	for _, role := range []string{"a", "b"} {
		p, err := m.start(role, nil, part{fds: []int{fd}})
		if err != nil {
			return object{}, err
		}
		held = append(held, p.fd(firstFD, "rw"))
	}
	text, err := ownInfo(fd, "map_id")
	if err != nil {
		return object{}, err
	}
	id, err := strconv.Atoi(text)
	if err != nil {
		return object{}, needing("Linux 4.18", err)
	}
	return object{"bpf-map:" + text, tree{"holders": held, "detail": tree{
		"map_id": id, "map_type": "array", "key_size": 4, "value_size": 17, "max_entries": 16,
	}}}, nil
}
