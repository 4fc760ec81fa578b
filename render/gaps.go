package render

import (
	"fmt"
	"strings"

	"github.com/ipctop/ipctop/model"
)

// fewHang is how many processes may fail to answer without making the result useless: a process
// that hangs in the kernel is skipped, and the others are read. But the unread processes must also
// be at most one in restIsRead of all, so that enough is read in a container with few processes.
const (
	fewHang    = 4
	restIsRead = 4
)

// Unlooked says that the waits of too many processes could not be read, so that "nothing found"
// proves nothing; "" if enough was read. Processes that could not be read for lack of privilege,
// or because they have ended, do not count.
func Unlooked(s *model.Snapshot) string {
	missing := map[int]bool{}
	for i := range s.Gaps {
		g := &s.Gaps[i]
		if (g.Probe == "waits" || g.Probe == "process") && g.PID != 0 && (g.Reason == model.Timeout || g.Reason == model.Truncated) {
			missing[g.PID] = true
		}
	}
	if n := len(missing); n <= fewHang && n*restIsRead <= s.Scan.Processes {
		return ""
	}
	return fmt.Sprintf("could not look: %d of %d processes did not answer in time (ipctop got too little processor time, or they hang); what is stuck there is not known",
		len(missing), s.Scan.Processes)
}

// GapSummary says in one line what could not be seen, "" if nothing is missing.
func GapSummary(s *model.Snapshot) string {
	var parts []string
	if n := s.Scan.ProcessesUnreadable; n > 0 {
		text := fmt.Sprintf("%d of %d processes hidden", n, s.Scan.Processes)
		if s.Scan.EUID != 0 {
			text += ": use sudo"
		}
		parts = append(parts, text)
	}
	more := 0
	for i := range s.Gaps {
		g := &s.Gaps[i]
		// without the gaps that the text above mentions already
		if !g.Inherent() && (s.Scan.ProcessesUnreadable == 0 || g.PID == 0 || g.Reason != model.Denied) {
			more++
		}
	}
	if more > 0 {
		what := "things"
		if more == 1 {
			what = "thing"
		}
		parts = append(parts, fmt.Sprintf("%d %s could not be read (ipctop dump --only gaps lists them)", more, what))
	}
	return strings.Join(parts, "; ")
}
