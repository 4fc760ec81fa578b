package traffic

import (
	"errors"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/testfixtures"
)

// BenchmarkPingPong bounces 64 bytes between two processes through pipes, four system calls
// each time. It measures what counting costs the counted processes. "after" must be like "off".
func BenchmarkPingPong(b *testing.B) {
	data, err := testfixtures.StartTraffic(b.Context(), "pipe")
	if err != nil {
		b.Fatal(err)
	}
	defer data.Close()
	benchmarkCost(b, func(n int) error { return data.Channels[0].Trips(b.Context(), int64(n), 64) })
}

// BenchmarkCalls makes calls of each sort on a pipe and an eventfd, in one process: the
// least of many short runs (-benchtime 20000x -count 25) shows what counting adds.
func BenchmarkCalls(b *testing.B) {
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		b.Fatal(err)
	}
	event, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		b.Fatal(err)
	}
	file, err := unix.Open("/proc/self/exe", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		b.Fatal(err)
	}
	for _, fd := range []int{pipe[0], pipe[1], event, file} {
		defer unix.Close(fd)
	}
	buf, one := make([]byte, 64), []byte{1, 0, 0, 0, 0, 0, 0, 0}
	for _, c := range []struct {
		name string
		do   func() error
	}{
		{"none", func() error { unix.Getppid(); return nil }},
		{"file", func() error { _, err := unix.Pread(file, buf, 0); return err }},
		{"pipe", func() error {
			_, err := unix.Write(pipe[1], buf)
			_, err2 := unix.Read(pipe[0], buf)
			return errors.Join(err, err2)
		}},
		{"eventfd", func() error {
			_, err := unix.Write(event, one)
			_, err2 := unix.Read(event, buf[:8])
			return errors.Join(err, err2)
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			benchmarkCost(b, func(n int) error {
				for range n {
					if err := c.do(); err != nil {
						return err
					}
				}
				return nil
			})
		})
	}
}

// benchmarkCost does something n times: before, while and after calls are counted, and while an
// empty program runs at the end of all calls. Counting cannot cost less than the empty program.
func benchmarkCost(b *testing.B, do func(n int) error) {
	run := func(b *testing.B) {
		if err := do(b.N); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("off", run)
	nothing := attachNothing(b)
	b.Run("nothing", run)
	_ = nothing.Close()
	m, err := Start()
	if err != nil {
		b.Skip(err)
	}
	for _, known := m.cost.Last(); !known; _, known = m.cost.Last() {
		time.Sleep(time.Millisecond) // measuring the cost increases it
	}
	b.Run("on", run)
	m.Close()
	b.Run("after", run)
}

// attachNothing lets the kernel run an empty program whenever a system call returns.
func attachNothing(b *testing.B) link.Link {
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.RawTracepoint, Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()}})
	if err != nil {
		b.Skip(err)
	}
	defer p.Close() // the link keeps it
	l, err := link.AttachRawTracepoint(link.RawTracepointOptions{Name: "sys_exit", Program: p})
	if err != nil {
		b.Skip(err)
	}
	return l
}
