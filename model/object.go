package model

// Kind is a mechanism. The names are fixed: scripts use them. [Kinds] describes
// each one.
type Kind string

// The kinds.
const (
	Pipe        Kind = "pipe"
	FIFO        Kind = "fifo"
	Unix        Kind = "unix"
	TCP         Kind = "tcp"
	UDP         Kind = "udp"
	Raw         Kind = "raw"
	ICMP        Kind = "icmp"
	Packet      Kind = "packet"
	Netlink     Kind = "netlink"
	Vsock       Kind = "vsock"
	Socket      Kind = "socket"
	Pty         Kind = "pty"
	SysvMsg     Kind = "sysv-msg"
	SysvSem     Kind = "sysv-sem"
	SysvShm     Kind = "sysv-shm"
	PosixMq     Kind = "posix-mq"
	PosixSem    Kind = "posix-sem"
	PosixShm    Kind = "posix-shm"
	ShmAnon     Kind = "shm-anon"
	Memfd       Kind = "memfd"
	File        Kind = "file"
	Eventfd     Kind = "eventfd"
	Epoll       Kind = "epoll"
	Signalfd    Kind = "signalfd"
	Timerfd     Kind = "timerfd"
	Inotify     Kind = "inotify"
	Fanotify    Kind = "fanotify"
	Pidfd       Kind = "pidfd"
	IOUring     Kind = "io_uring"
	Userfaultfd Kind = "userfaultfd"
	BPFMap      Kind = "bpf-map"
	Futex       Kind = "futex"
)

// Object is one instance of a mechanism in the kernel.
type Object struct {
	ID        string     `json:"id" ref:"object" doc:"kernel identity; what REF accepts"`
	Gen       string     `json:"gen,omitzero" doc:"distinguishes an object from an older one with the same number (socket cookie, segment generation)"`
	Kind      Kind       `json:"kind" doc:"the mechanism"`
	Host      string     `json:"host,omitzero" doc:"its host, where there are several"`
	Name      string     `json:"name,omitzero" doc:"what people call it: a path, a key, an address"`
	Aliases   []string   `json:"aliases,omitzero" doc:"other names of the same object"`
	Path      string     `json:"path,omitzero" doc:"path in the file system, as the kernel tells it"`
	Deleted   bool       `json:"deleted,omitzero" doc:"its name was removed; it lives while it is held"`
	Namespace *Namespace `json:"namespace,omitzero" doc:"the namespace it belongs to, where its mechanism has one"`
	Dev       string     `json:"dev,omitzero" doc:"device of the file system it lives on, major:minor"`
	Ino       Big        `json:"ino,omitzero" doc:"inode number, a string of decimal digits"`
	SysvID    Opt[int]   `json:"sysv_id,omitzero" doc:"System V identifier (msqid, semid, shmid)"`
	UID       Opt[int]   `json:"uid,omitzero" doc:"owner"`
	GID       Opt[int]   `json:"gid,omitzero" doc:"owning group"`
	Mode      string     `json:"mode,omitzero" doc:"permission bits in octal, four digits"`
	Fill      Opt[Ratio] `json:"fill,omitzero" doc:"how full it is, if it is bounded: 0 is empty, 1 is full; above 1 if the kernel allows more than the bound, as with listeners and sockets"`

	Holders         []Holder `json:"holders" doc:"who holds it, and how"`
	HoldersComplete bool     `json:"holders_complete" doc:"all holders are listed"`
	Peers           []Peer   `json:"peers" doc:"the objects at the other end"`
	Detail          Detail   `json:"detail" doc:"fields of this kind only"`
}

// Namespace is one Linux namespace (namespaces(7)).
type Namespace struct {
	Type  string `json:"type" doc:"ipc, net, mnt, pid, user, uts, cgroup or time"`
	Inode uint64 `json:"inode" ref:"ns" doc:"inode number in nsfs; re-used after the namespace is gone"`
}

// Via is how a process holds an object.
type Via string

// The ways to hold an object.
const (
	ViaFD         Via = "fd"         // an open descriptor
	ViaMap        Via = "map"        // a memory mapping
	ViaAttach     Via = "attach"     // an attached System V segment
	ViaLock       Via = "lock"       // a file lock
	ViaNotify     Via = "notify"     // a registered notification (mq_notify)
	ViaRegistered Via = "registered" // a file registered with an io_uring
	ViaInFlight   Via = "in-flight"  // a descriptor in a socket's queue
)

// Access says what a holder may do.
type Access string

// The accesses.
const (
	Read       Access = "r"
	Write      Access = "w"
	ReadWrite  Access = "rw"
	AccessNone Access = "none" // O_PATH
)

// CanRead reports whether the access includes reading.
func (a Access) CanRead() bool { return a == Read || a == ReadWrite }

// CanWrite reports whether the access includes writing.
func (a Access) CanWrite() bool { return a == Write || a == ReadWrite }

// Holder says that a process holds an object, and how. There is one for every open
// descriptor on the machine, so fields that few holders have are in separate structs,
// [Extent] and [LockHold]; in JSON all fields are on the same level.
type Holder struct {
	PID    int32      `json:"pid,omitzero" ref:"pid" doc:"the process; missing for a descriptor in flight"`
	TID    int32      `json:"tid,omitzero" ref:"pid" doc:"the thread, if it has its own descriptor table or is the only holder"`
	Comm   string     `json:"comm,omitzero" ref:"name" doc:"the process's command name"`
	Via    Via        `json:"via" doc:"fd, map, attach, lock, notify, registered or in-flight"`
	FD     Opt[int32] `json:"fd,omitzero" doc:"descriptor number"`
	Access Access     `json:"access,omitzero" doc:"r, w, rw or none"`
	OFD    OFD        `json:"ofd,omitzero" ref:"pid" doc:"the open file description, named PID.FD after its lowest holder; given where several descriptors share it"`

	*Extent
	*LockHold
}

// Extent says where a mapping or attachment is, which object carries a descriptor in
// flight or a registered file, or how a descriptor was opened.
type Extent struct {
	Object  string     `json:"object,omitzero" ref:"object" doc:"the socket whose queue carries it, or the io_uring it is registered with"`
	Address Addr       `json:"address,omitzero" doc:"start of the mapping in the process"`
	Offset  Opt[int64] `json:"offset,omitzero" unit:"bytes" doc:"offset of the mapping in the object; of a descriptor, the file offset, read on demand"`
	Size    Opt[int64] `json:"size,omitzero" unit:"bytes" doc:"size of the mapping"`
	RSS     Opt[int64] `json:"rss,omitzero" unit:"bytes" doc:"how much of it this process has resident; read on demand"`
	Flags   []string   `json:"flags,omitzero" doc:"further properties: master or slave of a terminal, waiter or owner of a futex; of a descriptor its flags, such as O_NONBLOCK and O_CLOEXEC, read on demand"`
}

// LockHold says how a file lock is held.
type LockHold struct {
	LockMode string `json:"lock_mode,omitzero" doc:"READ or WRITE"`
	Range    string `json:"range,omitzero" doc:"locked bytes, START-END; EOF: to the end of the file"`
}

// Peer is an object at the other end.
type Peer struct {
	ID         string     `json:"id" ref:"object" doc:"id of the object at the other end"`
	Confidence Confidence `json:"confidence" doc:"certain if the kernel says so, likely if it was inferred"`
}

// Confidence is the confidence of a statement.
type Confidence string

// The confidences.
const (
	Certain  Confidence = "certain"
	Likely   Confidence = "likely"
	Possible Confidence = "possible"
)

// Rank orders confidences: 0 is the highest. Unknown values sort last.
func (c Confidence) Rank() int { return place([]Confidence{Certain, Likely, Possible}, c) }

// Link is a channel between processes. There is one per channel, however many
// descriptors it has.
type Link struct {
	Object   string   `json:"object" ref:"object" doc:"the object the channel runs through; of a pair of sockets, the one whose id sorts first"`
	Kind     Kind     `json:"kind" doc:"its mechanism"`
	From     []int    `json:"from" ref:"pid" doc:"pids that can put something in"`
	To       []int    `json:"to" ref:"pid" doc:"pids that can take something out"`
	FromComm []string `json:"from_comm" ref:"name" doc:"their command names"`
	ToComm   []string `json:"to_comm" ref:"name" doc:"their command names"`
	BothWays bool     `json:"both_ways" doc:"either side can send"`
}
