package tui

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// askBackground asks for the background colour (xterm's OSC 11) and then for the device
// attributes, which every terminal answers. The second answer ends the wait if a terminal
// does not know the first question.
const askBackground = "\x1b]11;?\x1b\\\x1b[c"

// maxBackgroundWait limits the wait for the answer. A later answer is dropped by tcell, which
// ignores operating system commands (OSC).
const maxBackgroundWait = 50 * time.Millisecond

// maxAnswer limits how many bytes of the answer are read.
const maxAnswer = 256

// LightBackground asks the terminal whether its background is light. It must be called
// before [Run]. known is false if there is no terminal, if it does not answer in time, or
// if the user has typed something already, which would be lost.
func LightBackground() (light, known bool) {
	if !term.IsTerminal(int(os.Stdin.Fd())) || !term.IsTerminal(int(os.Stdout.Fd())) ||
		os.Getenv("TERM") == "linux" { // the console prints parts of commands that it does not know
		return false, false
	}
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return false, false
	}
	defer tty.Close()
	fd := int(tty.Fd())
	if readable(fd, 0) {
		return false, false
	}
	before, err := term.MakeRaw(fd)
	if err != nil {
		return false, false
	}
	defer func() { _ = term.Restore(fd, before) }()
	if _, err := unix.Write(fd, []byte(askBackground)); err != nil {
		return false, false
	}
	var answer []byte
	buffer := make([]byte, maxAnswer)
	for end := time.Now().Add(maxBackgroundWait); len(answer) < maxAnswer && !answered(answer); {
		left := time.Until(end)
		if left <= 0 || !readable(fd, left) {
			break
		}
		n, err := unix.Read(fd, buffer)
		if err != nil || n <= 0 {
			break
		}
		answer = append(answer, buffer[:n]...)
	}
	return parseBackground(answer)
}

// readable waits until there is something to read.
func readable(fd int, wait time.Duration) bool {
	list := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	for end := time.Now().Add(wait); ; {
		n, err := unix.Poll(list, int(max(time.Until(end), 0).Milliseconds()))
		if err != unix.EINTR {
			return err == nil && n > 0
		}
	}
}

// answered reports whether the answer to the last question has arrived: CSI ? … c.
func answered(answer []byte) bool {
	_, attributes, ok := bytes.Cut(answer, []byte("\x1b[?"))
	return ok && bytes.IndexByte(attributes, 'c') >= 0
}

// parseBackground parses the answer to OSC 11: rgb:RRRR/GGGG/BBBB, with one to four
// hexadecimal digits each, also rgba:, ended by BEL or ST.
func parseBackground(answer []byte) (light, known bool) {
	_, after, ok := bytes.Cut(answer, []byte("\x1b]11;"))
	end := bytes.IndexAny(after, "\a\x1b")
	if !ok || end < 0 {
		return false, false
	}
	text := string(after[:end])
	colors, ok := strings.CutPrefix(text, "rgb:")
	if !ok {
		if colors, ok = strings.CutPrefix(text, "rgba:"); !ok {
			return false, false
		}
	}
	parts := strings.Split(colors, "/")
	if len(parts) < 3 || len(parts) > 4 {
		return false, false
	}
	// The weights are those of ITU-R BT.601: how bright each colour appears to people.
	brightness := 0.0
	for i, weight := range []float64{0.299, 0.587, 0.114} {
		digits := parts[i]
		if len(digits) == 0 || len(digits) > 4 {
			return false, false
		}
		n, err := strconv.ParseUint(digits, 16, 16)
		if err != nil {
			return false, false
		}
		brightness += weight * float64(n) / float64(uint64(1)<<(4*len(digits))-1)
	}
	return brightness > 0.5, true
}
