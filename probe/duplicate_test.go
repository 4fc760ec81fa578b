package probe

import (
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// There is one duplicate at a time.
func TestOneDuplicateAtATime(t *testing.T) {
	pidfd, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		t.Skip(err)
	}
	defer unix.Close(pidfd)
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pipe[0])
	defer unix.Close(pipe[1])
	if dup, err := unix.PidfdGetfd(pidfd, pipe[0], 0); err != nil {
		t.Skip(err)
	} else {
		unix.Close(dup)
	}
	timeout := duplicates.timeout
	duplicates.timeout = time.Hour // this machine may be slow
	defer func() { duplicates.timeout = timeout }()
	var now, most atomic.Int32
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 5 {
				err := askDuplicate(pidfd, int32(pipe[0]), func(int) error {
					if n := now.Add(1); n > most.Load() {
						most.Store(n)
					}
					time.Sleep(time.Millisecond)
					now.Add(-1)
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if n := most.Load(); n != 1 {
		t.Errorf("there were %d duplicates at a time", n)
	}
}

// An owner that hangs with a turn holds nobody else up, and gives back only its own turn.
func TestTurnOfOneThatHangs(t *testing.T) {
	all := breakableLock{timeout: time.Millisecond, turn: make(chan struct{}, 1)}
	hung := all.acquire()
	second := all.acquire()
	hung()
	if len(all.turn) != 1 {
		t.Error("the one that hung gave back another's turn")
	}
	second()
	all.timeout = time.Hour
	all.acquire()()
}

// A free turn is taken without making a timer: one is taken for each pipe of the machine.
func TestTurnIsCheap(t *testing.T) {
	all := breakableLock{timeout: time.Hour, turn: make(chan struct{}, 1)}
	if n := testing.AllocsPerRun(100, func() { all.acquire()() }); n > 1 {
		t.Errorf("to take a turn allocates %.0f times", n)
	}
}
