package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// startRowLock lets a session of PostgreSQL lock a row that another session wants to
// change, and returns the client that waits.
func startRowLock(t *testing.T, port, dir string) *program {
	t.Helper()
	psql := []string{"psql", "-q", "-h", dir, "-p", port, "-U", "postgres"}
	tell := func(p *program, text, answer string) {
		if _, err := p.in.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if line := p.line(t); line != answer {
			t.Fatalf("psql says %q", line)
		}
	}
	tell(startReal(t, psql...), "create table kept(n int); insert into kept values (1); begin; update kept set n = 2;\n\\echo kept\n", "kept")
	wants := startReal(t, psql...)
	tell(wants, "\\echo wants\nupdate kept set n = 3;\n", "wants")
	return wants
}

// TestWhyOfRowLock asks why a client of PostgreSQL waits. The chain leads to the server
// process that serves it; that process's title and a query give the rest.
func TestWhyOfRowLock(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("PostgreSQL needs a user of its own, and root to become it")
	}
	if _, err := exec.LookPath("psql"); err != nil {
		t.Skip("psql is not installed")
	}
	dir := shortDir(t)
	port := startPostgres(t, dir, func(argv ...string) *exec.Cmd {
		if argv[0] == "psql" {
			return nil // those that only sleep need not
		}
		cmd := exec.Command(argv[0], argv[1:]...)
		cmd.Dir = dir
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGQUIT)
			_ = cmd.Wait()
		})
		return cmd
	})
	if port == "" {
		t.Skip("PostgreSQL is not installed")
	}
	pg := filepath.Join(dir, "pg")
	for end := time.Now().Add(time.Minute); ; time.Sleep(200 * time.Millisecond) {
		out, err := exec.Command("psql", "-h", pg, "-p", port, "-U", "postgres", "-c", "select 1").CombinedOutput()
		if err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("psql: %v %s", err, out)
		}
	}
	client := startRowLock(t, port, pg)
	want := []string{"database-lock: ", "waits for a lock in database postgres (UPDATE); postgres(", "is idle in transaction", "UPDATE waiting”; may be idle or waiting inside the application", "look inside: ask PostgreSQL: SELECT", "FROM pg_stat_activity WHERE pid ="}
	missing, stdout := "", ""
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		_, stdout, _ = run(t, "", "why", strconv.Itoa(client.pid))
		text := strings.Join(strings.Fields(stdout), " ")
		missing = ""
		for _, part := range want {
			if !strings.Contains(text, part) {
				missing = part
			}
		}
		if missing == "" {
			return
		}
	}
	t.Errorf("no %q in\n%s", missing, stdout)
}
