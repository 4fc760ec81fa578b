package model

// KindInfo describes a mechanism for `ipctop kinds` and `ipctop explain`, and makes its
// detail, which declares its fields.
type KindInfo struct {
	Name        Kind
	Title       string   // a few words
	Category    string   // channel, socket, memory, queue, lock, event
	Data        string   // stream, message, state, or counter
	Direction   string   // one way, both ways, or none
	Ends        []string // the holders' flags that distinguish its two ends, if there are any
	Persistence string   // process, kernel or filesystem: it exists as long as that
	Buffered    bool     // the kernel keeps data between sender and receiver
	Related     bool     // only processes that inherit or receive a descriptor can use it
	Calls       []string // system and library calls that make and use it
	Man         []string // man pages, best first
	About       string   // what it is and what it is used for
	Source      string   // where ipctop reads it
	Privilege   string   // what needs which privilege
	Unseen      string   // what cannot be seen

	NewDetail func() Detail // an empty detail of this kind
}

// kinds are the mechanisms ipctop shows, in the order of its tables. A new
// mechanism adds its line here.
var kinds = []KindInfo{
	pipeInfo,
	fifoInfo,
	unixInfo,
	tcpInfo,
	udpInfo,
	rawInfo,
	icmpInfo,
	packetInfo,
	netlinkInfo,
	vsockInfo,
	socketInfo,
	ptyInfo,
	sysvMsgInfo,
	sysvSemInfo,
	sysvShmInfo,
	posixMqInfo,
	posixSemInfo,
	posixShmInfo,
	shmAnonInfo,
	memfdInfo,
	fileInfo,
	eventfdInfo,
	epollInfo,
	signalfdInfo,
	timerfdInfo,
	inotifyInfo,
	fanotifyInfo,
	pidfdInfo,
	ioUringInfo,
	userfaultfdInfo,
	bpfMapInfo,
	futexInfo,
}

// Kinds lists the mechanisms ipctop shows, in the order of its tables. Callers must not
// change the list.
func Kinds() []KindInfo { return kinds }

var kindIndex = func() map[Kind]int {
	m := make(map[Kind]int, len(kinds))
	for i, k := range kinds {
		m[k.Name] = i
	}
	return m
}()

// LookupKind returns the description of a kind.
func LookupKind(k Kind) (KindInfo, bool) {
	i, ok := kindIndex[k]
	if !ok {
		return KindInfo{}, false
	}
	return kinds[i], true
}

// CompareKinds orders kinds as [Kinds] does; unknown kinds come last, by name.
func CompareKinds(a, b Kind) int {
	ia, oka := kindIndex[a]
	ib, okb := kindIndex[b]
	switch {
	case oka && okb:
		return ia - ib
	case oka:
		return -1
	case okb:
		return 1
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
