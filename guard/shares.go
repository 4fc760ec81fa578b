package guard

import "time"

// Any user can make threads of ipctop get stuck on what belongs to the user: on processes
// whose memory a program of the user provides, on files of a file system that the user
// serves. So stuck threads are counted for each user, and one user's do not use up the share
// of another.

const (
	// maxStuck is how many threads may be stuck at a time in one kind of operation on what
	// belongs to one user. After that, operations of this kind are skipped for that user.
	maxStuck = 4

	// maxStuckUser is how many may be stuck on what belongs to one user.
	maxStuckUser = 2 * maxStuck

	// maxStuckUsers is how many threads may be stuck on what belongs to all users except
	// root, so that users who cooperate cannot use up threads without limit either.
	maxStuckUsers = 2 * maxStuckUser

	// plainFactor is the factor by which more threads may be stuck in plain operations.
	plainFactor = 2

	// slowBudget is how many times the deadline slow operations on what belongs to one user may
	// take in total in a round ([Guard.NewRound]). Calls that return late, again and again,
	// would hold everything up as well as a call that does not return.
	slowBudget = 10
)

// Owner is the owner of something: a user, by real uid, and one of the user's processes, or 0.
type Owner struct {
	UID uint32
	PID int32
}

// Item is what an operation is about.
type Item struct {
	Key   any // stuck operations are skipped by it; comparable
	Owner Owner
}

// share is a count that operations use up.
type share struct {
	account uint32 // the user
	kind    string // of operation
}

// counts has numbers of threads.
type counts struct {
	all, users int // users: on what does not belong to root
	user       map[uint32]int
	share      map[share]int
}

func newCounts() counts { return counts{user: map[uint32]int{}, share: map[share]int{}} }

func (c *counts) add(s share, n int) {
	c.all += n
	if s.account != 0 {
		c.users += n
	}
	c.user[s.account] += n
	c.share[s] += n
}

// full reports whether no more threads may get stuck for a share. If more is not nil,
// its threads count as stuck, too.
func (c *counts) full(s share, factor int, more *counts) bool {
	n, user, users := c.share[s], c.user[s.account], c.users
	if more != nil {
		n, user, users = n+more.share[s], user+more.user[s.account], users+more.users
	}
	return n >= factor*maxStuck || user >= factor*maxStuckUser || s.account != 0 && users >= factor*maxStuckUsers
}

// NewRound begins a round: each user gets the whole budget for slow operations again.
func (g *Guard) NewRound() {
	g.mu.Lock()
	clear(g.slowTime)
	g.mu.Unlock()
}

// addSlow adds the time of an operation that was slow but did return.
func (g *Guard) addSlow(s share, d time.Duration) {
	if g.slowTime[s.account] += d; g.slowTime[s.account] >= slowBudget*g.deadline {
		g.trouble.Add(1)
	}
}
