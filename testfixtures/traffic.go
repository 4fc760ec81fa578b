package testfixtures

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Traffic is a set of channels, each with a process at either end, that exist until Close.
// Data is sent through them on request.
type Traffic struct {
	Channels []*Channel
	// Skipped are the channels that cannot be made here.
	Skipped []Skipped

	run *Run
}

// Channel is an instance of a mechanism between two processes. Both count what they send and receive.
type Channel struct {
	Name string `json:"channel"`
	// Objects are the ids in a dump of the objects that sender and receiver hold: one
	// object, or the two ends of a connection.
	Objects  []string `json:"objects"`
	Sender   End      `json:"sender"`
	Receiver End      `json:"receiver"`
}

// End is a process at the end of a channel, and what it has sent and received so far.
type End struct {
	PID      int   `json:"pid"`
	Sent     Count `json:"sent"`
	Received Count `json:"received"`

	control *os.File
}

// Count is how much went through a channel. Mechanisms that only have operations, such as
// semaphores, have no bytes.
type Count struct {
	Bytes int64 `json:"bytes"`
	Calls int64 `json:"calls"` // only calls that succeeded
}

func (c *Count) add(d Count) {
	c.Bytes += d.Bytes
	c.Calls += d.Calls
}

// order is what an end is told to do, done what it has done then.
type (
	order struct {
		Amount int64 `json:"amount"`          // bytes, or operations
		Size   int   `json:"size"`            // most bytes of a call
		Trips  bool  `json:"trips,omitempty"` // send Amount messages, each after the answer to the one before
	}
	done struct {
		Sent     Count  `json:"sent"`
		Received Count  `json:"received"`
		Error    string `json:"error,omitempty"`
	}
)

// TrafficNames lists the names of all channels.
func TrafficNames() []string {
	var names []string
	for _, c := range carriers() {
		names = append(names, c.name)
	}
	return names
}

// CheckTraffic returns an error if one of these names is not a channel's.
func CheckTraffic(names ...string) error {
	for _, name := range names {
		if !slices.Contains(TrafficNames(), name) {
			return fmt.Errorf("there is no channel %q; there are: %s", name, strings.Join(TrafficNames(), " "))
		}
	}
	return nil
}

// StartTraffic makes the channels with these names, or all if there are no names. Nothing
// is sent yet. Channels that this machine or user cannot make are skipped.
func StartTraffic(ctx context.Context, names ...string) (*Traffic, error) {
	if err := CheckTraffic(names...); err != nil {
		return nil, err
	}
	run, err := newRun()
	if err != nil {
		return nil, err
	}
	t := &Traffic{run: run}
	for _, c := range carriers() {
		if len(names) > 0 && !slices.Contains(names, c.name) {
			continue
		}
		channel, err := t.make(ctx, &c)
		if cannot := new(Unavailable); errors.As(err, &cannot) {
			t.Skipped = append(t.Skipped, Skipped{c.name, cannot.Error()})
			continue
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("channel %s: %w", c.name, err), t.Close())
		}
		t.Channels = append(t.Channels, channel)
	}
	return t, nil
}

// Close ends the processes and removes the channels.
func (t *Traffic) Close() error {
	for _, c := range t.Channels {
		for _, e := range []*End{&c.Sender, &c.Receiver} {
			_ = e.control.Close()
		}
	}
	return t.run.Close()
}

func (t *Traffic) make(ctx context.Context, c *carrier) (*Channel, error) {
	channel := &Channel{Name: c.name}
	f := c.fixture()
	f.make = func(m *maker) (object, error) {
		ends, err := c.open(m)
		if err != nil {
			return object{}, err
		}
		channel.Objects = ends.objects
		for i, e := range []*End{&channel.Sender, &channel.Receiver} {
			if err := e.start(m, trafficRoles[i], ends.fds[i], ends.args); err != nil {
				return object{}, err
			}
		}
		return object{id: ends.objects[0], expect: tree{}}, nil
	}
	_, err := t.run.make(ctx, &f)
	return channel, err
}

// start starts the process at an end.
func (e *End) start(m *maker, role string, fds []int, args []string) error {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return fmt.Errorf("socketpair: %w", err)
	}
	m.own(pair[1])
	e.control = os.NewFile(uintptr(pair[0]), "control")
	if err := unix.SetNonblock(pair[1], false); err != nil {
		return err
	}
	p, err := m.start(role, nil, part{fds: append([]int{pair[1]}, fds...), args: args})
	if err != nil {
		return err
	}
	e.PID = p.pid
	return nil
}

// Send sends an amount of bytes, or of operations, through the channel, at most size in each call,
// and waits until all of it was received. The channel's counts then include all that was ever sent.
func (c *Channel) Send(ctx context.Context, amount int64, size int) error {
	return c.order(ctx, order{Amount: amount, Size: size})
}

// Trips sends n messages of a size, each after an equally large answer to the one before.
// The channel must go both ways: see [Channel.Answers].
func (c *Channel) Trips(ctx context.Context, n int64, size int) error {
	return c.order(ctx, order{Amount: n, Size: size, Trips: true})
}

// Answers reports whether the receiver can send through the channel, too.
func (c *Channel) Answers() bool {
	for _, k := range carriers() {
		if k.name == c.Name {
			return k.answers
		}
	}
	return false
}

// Largest is the limit of the bytes in one call; 0: no limit.
func (c *Channel) Largest() int {
	for _, k := range carriers() {
		if k.name == c.Name {
			return k.limit
		}
	}
	return 0
}

func (c *Channel) order(ctx context.Context, o order) error {
	ends := []*End{&c.Receiver, &c.Sender}
	for _, e := range ends {
		if err := json.NewEncoder(e.control).Encode(o); err != nil {
			return fmt.Errorf("channel %s: process %d: %w", c.Name, e.PID, err)
		}
	}
	for _, e := range ends {
		if err := e.await(ctx); err != nil {
			return fmt.Errorf("channel %s: process %d: %w", c.Name, e.PID, err)
		}
	}
	return nil
}

// await waits until the end has done its order.
func (e *End) await(ctx context.Context) error {
	defer context.AfterFunc(ctx, func() { _ = e.control.SetReadDeadline(time.Unix(1, 0)) })()
	var b [512]byte
	n, err := e.control.Read(b[:])
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("it has ended: %w", err)
	}
	var d done
	if err := json.Unmarshal(b[:n], &d); err != nil {
		return err
	}
	e.Sent.add(d.Sent)
	e.Received.add(d.Received)
	if d.Error != "" {
		return errors.New(d.Error)
	}
	return nil
}

// Run sends data through the channel until ctx ends: rate bytes (or operations) a second,
// or as fast as possible if rate is 0. When it returns, all that was sent was received.
func (c *Channel) Run(ctx context.Context, rate int64) error {
	const interval = 100 * time.Millisecond
	amount := int64(64 << 10)
	if rate > 0 {
		amount = max(rate/int64(time.Second/interval), 1)
	}
	size := defaultSize
	if rate > 0 {
		size = int(min(amount, int64(size)))
	}
	next := time.Now()
	for ctx.Err() == nil {
		begin := time.Now()
		if err := c.Send(context.WithoutCancel(ctx), amount, size); err != nil {
			return err
		}
		if rate == 0 {
			if time.Since(begin) < interval/2 {
				amount *= 2
			}
			continue
		}
		next = next.Add(time.Duration(float64(amount) / float64(rate) * float64(time.Second)))
		select {
		case <-ctx.Done():
		case <-time.After(time.Until(next)):
		}
	}
	return nil
}

// defaultSize is the number of bytes in a call unless another size is asked for.
const defaultSize = 4096

// ids makes the ids of objects from their kind and inode numbers.
func ids(kind string, inos ...string) []string {
	var list []string
	for _, ino := range inos {
		list = append(list, kind+":"+ino)
	}
	return list
}

// descriptorIDs makes the ids of the objects behind descriptors.
func descriptorIDs(kind string, fds ...int) ([]string, error) {
	var inos []string
	for _, fd := range fds {
		ino, err := inode(fd)
		if err != nil {
			return nil, err
		}
		inos = append(inos, ino)
	}
	return ids(kind, inos...), nil
}

// number is the i-th argument of a role, as a number.
func number(args []string, i int) int {
	if i >= len(args) {
		return 0
	}
	n, _ := strconv.Atoi(args[i])
	return n
}
