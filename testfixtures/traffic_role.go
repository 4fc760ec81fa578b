package testfixtures

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// carrier is a way to carry data: a mechanism, and the calls that use it.
type carrier struct {
	name, short string

	// open makes the channel and returns what each end gets.
	open func(m *maker) (ends, error)
	// setup is called in both processes before anything is carried; it may be nil.
	setup func(e *end) error
	// send and receive make one call for at most n bytes, and return how many it carried.
	send, receive func(e *end, n int) (int, error)

	acknowledged bool // the receiver answers each message: otherwise nothing would keep the sender from sending too much
	operations   bool // it carries operations, not bytes: amounts count operations
	answers      bool // the receiver can send, too
	limit        int  // most bytes of one call; 0: no limit
}

// ends is what the sender and the receiver get.
type ends struct {
	fds     [2][]int
	args    []string
	objects []string
}

// end is one of the two processes, as seen by itself.
type end struct {
	carrier  *carrier
	receiver bool
	fds      []int
	args     []string
	buf      []byte
	extra    []int // additional descriptors; see setup

	ring  *ring         // used by carriers with io_uring
	rings [2]memoryRing // used by carriers with shared memory: to the receiver, and back

	did done
}

var trafficRoles = [2]string{"snd", "rcv"}

// trafficPrefix begins the names of the fixtures that make channels.
const trafficPrefix = "traffic:"

// fixture is the fixture as which its processes are started.
func (c *carrier) fixture() Fixture {
	return Fixture{
		Name: trafficPrefix + c.name, short: c.short,
		roles: map[string]func(*role) error{
			trafficRoles[0]: func(r *role) error { return c.run(r, false) },
			trafficRoles[1]: func(r *role) error { return c.run(r, true) },
		},
	}
}

// trafficFixtures are the fixtures that make channels. Their state changes all the time and
// cannot be compared with a dump, so they are not among [All].
func trafficFixtures() []Fixture {
	var list []Fixture
	for _, c := range carriers() {
		list = append(list, c.fixture())
	}
	return list
}

// maxSize is how many bytes a call may carry.
const maxSize = 1 << 20

// run is the role of an end: it carries out orders until no more can come.
func (c *carrier) run(r *role, receiver bool) error {
	n, _ := strconv.Atoi(os.Getenv(roleEnv))
	e := &end{carrier: c, receiver: receiver, args: r.args, buf: make([]byte, maxSize)}
	for fd := firstFD + 1; fd < firstFD+n; fd++ {
		e.fds = append(e.fds, fd)
	}
	if c.setup != nil {
		if err := c.setup(e); err != nil {
			return err
		}
	}
	if err := r.ready(nil); err != nil {
		return err
	}
	go r.hold() // ends the process with the run, even while it waits for the other end
	const control = firstFD
	var b [512]byte
	for {
		n, err := unix.Read(control, b[:])
		if err == unix.EINTR {
			continue
		}
		if n <= 0 {
			r.hold()
		}
		var o order
		err = json.Unmarshal(b[:n], &o)
		e.did = done{}
		if err == nil {
			err = e.obey(o)
		}
		if err != nil {
			e.did.Error = err.Error()
		}
		answer, err := json.Marshal(e.did)
		if err != nil {
			return err
		}
		if _, err := unix.Write(control, answer); err != nil {
			return fmt.Errorf("write: %w", err)
		}
	}
}

// obey carries out one order.
func (e *end) obey(o order) error {
	size := min(max(o.Size, 1), maxSize)
	if e.carrier.limit > 0 {
		size = min(size, e.carrier.limit)
	}
	step := e.sendOnce
	if e.receiver {
		step = e.receiveOnce
	}
	if o.Trips {
		for range o.Amount {
			if err := e.trip(size); err != nil {
				return err
			}
		}
		return nil
	}
	for left := o.Amount; left > 0; {
		n, err := step(int(min(left, int64(size))))
		if err != nil {
			return err
		}
		left -= int64(n)
		if e.carrier.acknowledged {
			if err := e.acknowledge(); err != nil {
				return err
			}
		}
	}
	return nil
}

// acknowledge sends an answer of one byte in the other direction.
func (e *end) acknowledge() error {
	var err error
	if e.receiver {
		_, err = e.sendOnce(1)
	} else {
		_, err = e.receiveOnce(1)
	}
	return err
}

// trip carries one message and its answer.
func (e *end) trip(size int) error {
	steps := []func(int) (int, error){e.sendOnce, e.receiveOnce}
	if e.receiver {
		steps[0], steps[1] = steps[1], steps[0]
	}
	for _, step := range steps {
		for left := size; left > 0; {
			n, err := step(left)
			if err != nil {
				return err
			}
			left -= n
		}
	}
	return nil
}

// sendOnce makes one successful call and counts it; receiveOnce does the same.
func (e *end) sendOnce(n int) (int, error) {
	return e.once(e.carrier.send, &e.did.Sent, n, unix.POLLOUT)
}

func (e *end) receiveOnce(n int) (int, error) {
	return e.once(e.carrier.receive, &e.did.Received, n, unix.POLLIN)
}

func (e *end) once(call func(*end, int) (int, error), count *Count, size int, ready int16) (int, error) {
	for {
		n, err := call(e, size)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN && len(e.fds) > 0:
			_, _ = unix.Poll([]unix.PollFd{{Fd: int32(e.fds[0]), Events: ready}}, -1)
			continue
		case err != nil:
			return 0, fmt.Errorf("%s: %w", e.carrier.name, err)
		case n <= 0:
			return 0, fmt.Errorf("%s: the other end has closed", e.carrier.name)
		}
		count.Calls++
		if !e.carrier.operations {
			count.Bytes += int64(n)
		}
		return n, nil
	}
}
