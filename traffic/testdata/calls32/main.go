// Calls32 sends data through a pipe and a socket when it reads a line from standard input.
// It prints which pipe it is, how many bytes went through it, and by how many calls.
package main

import (
	"bufio"
	"fmt"
	"log"
	"os"

	"golang.org/x/sys/unix"
)

func main() {
	var pipe [2]int
	check(unix.Pipe2(pipe[:], unix.O_CLOEXEC))
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	check(err)
	var st unix.Stat_t
	check(unix.Fstat(pipe[0], &st))
	fmt.Println("ready")
	in := bufio.NewScanner(os.Stdin)
	in.Scan()
	sum, calls := 0, 0
	buf := make([]byte, 64)
	for i := range 100 {
		n, err := unix.Write(pipe[1], buf[:1+i%60])
		check(err)
		m, err := unix.Writev(pipe[1], [][]byte{buf[:3], buf[:2]})
		check(err)
		r, err := unix.Readv(pipe[0], [][]byte{buf[:n], make([]byte, m)})
		check(err)
		if r != n+m {
			log.Fatalf("%d bytes came, not %d", r, n+m)
		}
		sum += r
		calls++
		check(unix.Send(pair[0], buf[:10], 0)) // through socketcall(2)
		_, _, err = unix.Recvfrom(pair[1], buf, 0)
		check(err)
	}
	fmt.Println(st.Ino, sum, calls)
	in.Scan()
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
