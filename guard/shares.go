package guard

import "time"

// Anyone can have threads of ipctop get stuck on what is his: on processes whose memory
// a program of his provides, on files of a file system that he serves. So what may get stuck
// is counted for each user, and what one has uses up nothing of another's share.

const (
	// maxStuck is how many threads may be stuck at a time in one kind of operation on what
	// belongs to one user. After that the kind is skipped for that user.
	maxStuck = 4

	// maxStuckUser is how many may be stuck on what belongs to one user.
	maxStuckUser = 2 * maxStuck

	// maxStuckUsers is how many may be stuck on what belongs to all users but root, so that
	// users that work together, too, do not use up threads without limit.
	maxStuckUsers = 2 * maxStuckUser

	// plainFactor is how many times as many may be stuck in plain operations.
	plainFactor = 2

	// slowBudget is how many times the deadline the slow operations on what belongs to one user
	// may take together in a round ([Guard.NewRound]). A call that returns after a while, again
	// and again, would hold everything up just as well as one that does not return.
	slowBudget = 10
)

// Owner is whose something is: a user by his real uid, and a process of his, or 0.
type Owner struct {
	UID uint32
	PID int32
}

// Item is what an operation is about.
type Item struct {
	Key   any // what gets stuck is skipped by it; comparable
	Owner Owner
}

// share is what operations are counted for.
type share struct {
	account uint32 // the user
	kind    string // of operation
}

// counts has numbers of threads.
type counts struct {
	all, users int // users: on what is not root's
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

// full reports whether no more threads may get stuck for a share, where those that more
// counts may be stuck as well.
func (c *counts) full(s share, factor int, more *counts) bool {
	n, user, users := c.share[s], c.user[s.account], c.users
	if more != nil {
		n, user, users = n+more.share[s], user+more.user[s.account], users+more.users
	}
	return n >= factor*maxStuck || user >= factor*maxStuckUser || s.account != 0 && users >= factor*maxStuckUsers
}

// NewRound begins a round, for which each user has the whole time again that his slow
// operations may take.
func (g *Guard) NewRound() {
	g.mu.Lock()
	clear(g.spent)
	g.mu.Unlock()
}

// spend notes that an operation was slow for so long, and did return.
func (g *Guard) spend(s share, d time.Duration) {
	if g.spent[s.account] += d; g.spent[s.account] >= slowBudget*g.deadline {
		g.trouble.Add(1)
	}
}
