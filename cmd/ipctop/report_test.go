package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReport(t *testing.T) {
	dir, from := chainOfHosts(t)
	page := filepath.Join(dir, "page.html")
	if err := os.WriteFile(page, []byte("before"), 0o644); err != nil {
		t.Fatal(err)
	}
	status, stdout, stderr := run(t, "", append([]string{"report", "-o", page}, from...)...)
	b, err := os.ReadFile(page)
	if status != 0 || stdout != "" || err != nil || !strings.Contains(string(b), "serverd(31)@server") || !strings.Contains(string(b), "<svg") {
		t.Fatalf("status %d, %v: %s%s\n%.2000s", status, err, stdout, stderr, b)
	}
	if info, err := os.Stat(page); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("its mode is %v", info.Mode())
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 4 {
		t.Errorf("it left something beside the page: %v", left)
	}
	status, stdout, _ = run(t, "", append([]string{"report", "-o", "-", "--redact"}, from...)...)
	if status != 0 || !strings.Contains(stdout, "@host-1") || strings.Contains(stdout, "proxy") || strings.Contains(stdout, dir) {
		t.Errorf("redacted: status %d, %.3000s", status, stdout)
	}
	if status, _, stderr := run(t, "", "report"); status != exitUsage || !strings.Contains(stderr, "-o FILE.html") {
		t.Errorf("without a file: status %d, %s", status, stderr)
	}
	if status, _, stderr := run(t, "", append([]string{"report", "-o", filepath.Join(dir, "none", "page.html")}, from...)...); status != exitFailed || !strings.Contains(stderr, "none/page.html: no such file") {
		t.Errorf("into no directory: status %d, %s", status, stderr)
	}
}
