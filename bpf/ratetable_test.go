package bpf_test

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/bpf"
)

// TestRoom uses more futexes than there is room for: each call is counted or lost, and
// forgetting makes room.
func TestRoom(t *testing.T) {
	c := count(t)
	const few, many = 3000, 20_000
	const futexWakePrivate = 129 // reads no memory, so there need not be any
	wake := func(n int) {
		t.Helper()
		for i := range n {
			if _, _, errno := unix.Syscall(unix.SYS_FUTEX, uintptr(4096+4*i), futexWakePrivate, 1); errno != 0 {
				t.Fatal(errno)
			}
		}
	}
	wake(few)
	wake(few)
	calls, places := counted(t, c)
	if lost := lost(t, c); calls < 2*few || places < few || lost != 0 {
		t.Errorf("%d futexes were woken twice: %d calls of %d are counted, %d are lost", few, calls, places, lost)
	}
	wake(many)
	calls, places = counted(t, c)
	if lost := lost(t, c); places >= many || calls >= 2*few+many || calls+lost < 2*few+many {
		t.Errorf("%d futexes were woken: %d calls of %d are counted, %d are lost", many, calls, places, lost)
	}
	for range 2 {
		if err := c.Forget(func(*bpf.Traffic) bool { return true }); err != nil {
			t.Fatal(err)
		}
	}
	if calls, _ := counted(t, c); calls > few {
		t.Errorf("%d calls are counted still when all is forgotten", calls)
	}
	before := lost(t, c)
	wake(few)
	calls, places = counted(t, c)
	if lost := lost(t, c); calls < few || calls >= 2*few || places < few || lost != before {
		t.Errorf("after all was forgotten %d futexes were woken: %d calls of %d are counted, %d are lost", few, calls, places, lost-before)
	}
}

// TestForget goes on using a channel whose count was forgotten: that count begins at 0 again,
// others do not.
func TestForget(t *testing.T) {
	c := count(t)
	var inodes [2]uint64
	var pipes [2][2]int
	for i := range pipes {
		if err := unix.Pipe2(pipes[i][:], unix.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
		defer unix.Close(pipes[i][0])
		defer unix.Close(pipes[i][1])
		var st unix.Stat_t
		if err := unix.Fstat(pipes[i][0], &st); err != nil {
			t.Fatal(err)
		}
		inodes[i] = st.Ino
	}
	send := func() {
		t.Helper()
		for _, p := range pipes {
			if _, err := unix.Write(p[1], make([]byte, 100)); err != nil {
				t.Fatal(err)
			}
		}
	}
	want := func(first, second uint64) {
		t.Helper()
		var sent [2]uint64
		err := c.Read(func(r *bpf.Traffic) {
			for i, ino := range inodes {
				if r.Type == bpf.FileChannel && r.Number == ino && r.PID == os.Getpid() {
					sent[i] += r.SentBytes
				}
			}
		})
		if err != nil || sent != [2]uint64{first, second} {
			t.Errorf("%d bytes are counted, want %d and %d (%v)", sent, first, second, err)
		}
	}
	forget := func() {
		t.Helper()
		if err := c.Forget(func(r *bpf.Traffic) bool { return r.Number == inodes[0] }); err != nil {
			t.Fatal(err)
		}
	}
	send()
	want(100, 100)
	forget()
	want(0, 100)
	send() // while the old place is not free yet
	want(100, 200)
	forget()
	want(0, 200)
	send()
	send()
	want(200, 400)
}

// TestReusedDescription closes pipes whose memory in the kernel is then used for others.
func TestReusedDescription(t *testing.T) {
	c := count(t)
	sent := map[uint64]uint64{} // by inode number
	for i := range 300 {
		var pipe [2]int
		if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
		var st unix.Stat_t
		err := unix.Fstat(pipe[0], &st)
		n, err2 := unix.Write(pipe[1], make([]byte, 1+i))
		sent[st.Ino] = uint64(n)
		if err := errors.Join(err, err2, unix.Close(pipe[0]), unix.Close(pipe[1])); err != nil {
			t.Fatal(err)
		}
	}
	err := c.Read(func(r *bpf.Traffic) {
		if n, ok := sent[r.Number]; ok && r.Type == bpf.FileChannel && r.PID == os.Getpid() {
			if r.SentBytes != n || r.SentCalls != 1 {
				t.Errorf("pipe %d: %d bytes in %d calls are counted, want %d in 1", r.Number, r.SentBytes, r.SentCalls, n)
			}
			delete(sent, r.Number)
		}
	})
	if err != nil || len(sent) > 0 {
		t.Errorf("of %d pipes nothing is counted (%v)", len(sent), err)
	}
}

func count(t *testing.T) *bpf.Counter {
	t.Helper()
	c, err := bpf.Count()
	if errors.As(err, new(*bpf.UnavailableError)) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// counted returns how many calls on how many futexes of this process are counted.
func counted(t *testing.T, c *bpf.Counter) (calls uint64, futexes int) {
	t.Helper()
	err := c.Read(func(r *bpf.Traffic) {
		if r.Type == bpf.FutexWord && r.PID == os.Getpid() {
			calls += r.SentCalls
			futexes++
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return calls, futexes
}

func lost(t *testing.T, c *bpf.Counter) uint64 {
	t.Helper()
	missed, _, err := c.Lost()
	if err != nil {
		t.Fatal(err)
	}
	return missed
}
