package render

import (
	"fmt"
	"strings"

	"github.com/ipctop/ipctop/model"
)

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
	for _, g := range s.Gaps {
		// what the line above says already
		if s.Scan.ProcessesUnreadable == 0 || g.PID == 0 || g.Reason != model.Denied {
			more++
		}
	}
	if more > 0 {
		what := "things"
		if more == 1 {
			what = "thing"
		}
		parts = append(parts, fmt.Sprintf("%d %s could not be read (--only gaps lists them)", more, what))
	}
	return strings.Join(parts, "; ")
}
