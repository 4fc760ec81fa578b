package testfixtures

import (
	"fmt"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

func sysvShmFixtures() []Fixture {
	attach := map[string]func(*role) error{"rw": shmRole, "ro": shmRole}
	return []Fixture{{
		Name:  "sysv-shm",
		short: "shm",
		Makes: "a segment that two processes have attached, one of them for reading only",
		explain: explanation{
			picture: "{1} ⇄ segment {id} → {2}",
			calls: []string{
				"{1}: shmat({id}, NULL, 0)",
				"{2}: shmat({id}, NULL, SHM_RDONLY)",
			},
			proc: []procFile{
				{"/proc/sysvipc/shm", "{id}"},
				{"/proc/{1}/maps", "/SYSV"},
			},
		},
		make:  func(m *maker) (object, error) { return makeSysVShm(m, false) },
		roles: attach,
	}, {
		Name:  "sysv-shm:removed",
		short: "shm-rm",
		Makes: "a segment that is marked for removal and exists while it is attached",
		explain: explanation{
			picture: "{1} ⇄ segment {id}, marked for removal → {2}",
			calls: []string{
				"{1}: shmat({id}, NULL, 0)",
				"{2}: shmat({id}, NULL, SHM_RDONLY)",
				"ipctop: shmctl({id}, IPC_RMID): it lives on until the last one detaches it",
			},
			proc: []procFile{
				{"/proc/sysvipc/shm", "{id}"},
				{"/proc/{1}/maps", "(deleted)"},
			},
		},
		make:  func(m *maker) (object, error) { return makeSysVShm(m, true) },
		roles: attach,
	}, {
		Name:  "sysv-shm:orphan",
		short: "shm-orph",
		Makes: "a segment that no process has attached",
		explain: explanation{
			picture: "segment {id}: nobody",
			calls: []string{
				"ipctop: shmget(…, 12288, IPC_CREAT); no shmat(2)",
			},
			proc: []procFile{
				{"/proc/sysvipc/shm", "{id}"},
			},
		},
		make: makeSysVShmOrphan,
	}, {
		Name:  "sysv-shm:namespace",
		short: "shm-ns",
		Makes: "a segment in another IPC namespace",
		explain: explanation{
			picture: "{1} ⇄ a segment in an IPC namespace of its own",
			calls: []string{
				"ipctop: clone(CLONE_NEWNET | CLONE_NEWIPC)",
				"{1}: shmget(IPC_PRIVATE, 12288, IPC_CREAT), shmat(2)",
			},
			proc: []procFile{
				{"/proc/{1}/ns/ipc", "ipc:["},
				{"/proc/{1}/maps", "/SYSV"},
			},
		},
		Needs: needsNamespaces,
		make:  makeSysVShmNamespace,
		roles: map[string]func(*role) error{"rw": shmNamespaceRole},
	}}
}

const shmBytes = 3 * 4096

// shmAttachment is what a holder reports about its attachment.
type shmAttachment struct {
	ID        int    `json:"id"`
	Address   string `json:"address"`
	Namespace uint64 `json:"namespace"`
	Detail    tree   `json:"detail"`
}

func (p *process) attachment(a shmAttachment, access string) tree {
	return tree{"pid": p.pid, "comm": p.comm, "via": "attach", "access": access, "address": a.Address}
}

func makeSysVShm(m *maker, removed bool) (object, error) {
	id, err := m.makeSysV(sysvShm, shmBytes)
	if err != nil {
		return object{}, err
	}
	var holders []tree
	for _, h := range []struct{ role, access string }{{"rw", "rw"}, {"ro", "r"}} {
		var a shmAttachment
		p, err := m.start(h.role, &a, part{args: []string{strconv.Itoa(id), h.access}})
		if err != nil {
			return object{}, err
		}
		holders = append(holders, p.attachment(a, h.access))
	}
	if removed {
		if err := sysvRemove(sysvShm, id); err != nil {
			return object{}, err
		}
	}
	st, detail, err := describeShm(id)
	if err != nil {
		return object{}, err
	}
	expect := st.expect(id, detail)
	expect["holders"] = holders
	return object{sysvShm.id(id), expect}, nil
}

func makeSysVShmOrphan(m *maker) (object, error) {
	id, err := m.makeSysV(sysvShm, shmBytes)
	if err != nil {
		return object{}, err
	}
	st, detail, err := describeShm(id)
	return object{sysvShm.id(id), st.expect(id, detail)}, err
}

func makeSysVShmNamespace(m *maker) (object, error) {
	var a shmAttachment
	p, err := m.start("rw", &a, part{namespaces: unix.CLONE_NEWNET | unix.CLONE_NEWIPC})
	if err != nil {
		return object{}, err
	}
	return object{inNamespace(sysvShm.id(a.ID), a.Namespace), tree{
		"sysv_id": a.ID, "namespace": tree{"type": "ipc", "inode": a.Namespace}, "detail": a.Detail,
		"holders": []tree{p.attachment(a, "rw")},
	}}, nil
}

// describeShm asks the kernel about a segment.
func describeShm(id int) (sysvStatus, tree, error) {
	d, err := shmStat(id)
	return d.Perm.status(0, 0), tree{
		"size": d.SegSz, "attached": d.NAttch, "creator_pid": d.CPID, "last_pid": d.LPID, "marked_for_removal": d.Perm.Mode&shmDest != 0,
	}, err
}

// shmRole attaches a segment and touches it: id, access.
func shmRole(r *role) error {
	id, err := strconv.Atoi(r.args[0])
	if err != nil {
		return err
	}
	a, err := attachShm(id, r.args[1] == "rw")
	if err != nil {
		return err
	}
	return r.readyAndHold(a)
}

func attachShm(id int, writable bool) (shmAttachment, error) {
	flags := 0
	if !writable {
		flags = unix.SHM_RDONLY
	}
	addr, err := shmAttach(id, flags)
	if err != nil {
		return shmAttachment{}, fmt.Errorf("segment %d: %w", id, err)
	}
	if writable {
		*(*byte)(attached(addr)) = 1
	}
	return shmAttachment{ID: id, Address: fmt.Sprintf("0x%x", addr)}, nil
}

// attached is a pointer to memory that the kernel mapped, outside the Go heap.
func attached(addr uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&addr)) }

// shmNamespaceRole makes a segment in its own IPC namespace. Both end with the process. Its
// pid namespace is that of the process that started it, so the pids are the same.
func shmNamespaceRole(r *role) error {
	id, err := sysvGet(sysvShm, unix.IPC_PRIVATE, shmBytes, unix.IPC_CREAT|0o600)
	if err != nil {
		return err
	}
	a, err := attachShm(id, true)
	if err != nil {
		return err
	}
	st, detail, err := describeShm(id)
	if err != nil {
		return err
	}
	a.Detail = st.expect(id, detail)["detail"].(tree)
	if a.Namespace, err = namespaceInode("ipc"); err != nil {
		return err
	}
	return r.readyAndHold(a)
}
