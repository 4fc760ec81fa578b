package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/trace"
)

// compileSchema reads a published schema.
func compileSchema(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	schema, err := compiler.Compile("../../docs/schema/" + name + ".schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// TestRealDumpsFitTheSchema scans this machine and validates the result.
func TestRealDumpsFitTheSchema(t *testing.T) {
	schema := compileSchema(t, "ipctop-1")
	status, stdout, stderr := run(t, "", "dump", "--json")
	if status != exitOK {
		t.Fatalf("dump: status %d, %s", status, stderr)
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(stdout))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(doc); err != nil {
		t.Error(err)
	}
}

// TestRealEventsFitTheSchema traces this machine and validates each line.
func TestRealEventsFitTheSchema(t *testing.T) {
	schema := compileSchema(t, "ipctop-trace-1")
	var locks []string
	script := func(text string) { _ = exec.Command("sh", "-c", text).Run() }
	_, out, _ := traced(t, func() {
		locks = makeEvents(t)
		script("sleep 0.1; exit 3") // waited for, and reported by SIGCHLD
		script("exit 113")
	}, `"exit_status":113`, "--all", "--over", "10ms", "-o", "jsonl")
	kinds := map[string]bool{}
	for line := range strings.Lines(out) {
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(line))
		if err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if err := schema.Validate(doc); err != nil {
			t.Errorf("%v: %s", err, line)
		}
		event := doc.(map[string]any)
		kinds[event["event"].(string)] = true
		if lock, ok := event["lock"].(string); ok {
			kinds[lock] = true
		}
	}
	for _, kind := range append(locks, trace.Kinds...) {
		if !kinds[kind] {
			t.Errorf("there is no event %s", kind)
		}
	}
}

// makeEvents connects, passes a descriptor, locks, takes a lease, and creates and removes shared memory.
// It returns the kinds of locks that it took: not every file system has leases.
func makeEvents(t *testing.T) (locks []string) {
	t.Helper()
	listener, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	near, err := net.Dial("unix", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	far, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	if _, _, err := near.(*net.UnixConn).WriteMsgUnix([]byte{1}, unix.UnixRights(0), nil); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	_, n, _, _, err := far.(*net.UnixConn).ReadMsgUnix(buf[:1], buf)
	if err != nil {
		t.Fatal(err)
	}
	messages, err := unix.ParseSocketControlMessage(buf[:n])
	if err != nil || len(messages) != 1 {
		t.Fatalf("%v, %v", messages, err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		t.Fatalf("%v, %v", fds, err)
	}
	defer unix.Close(fds[0])
	file, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() }) // a lease is reported only if it still exists a little later
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	locks = []string{"flock"}
	if _, err := unix.FcntlInt(file.Fd(), unix.F_SETLEASE, unix.F_WRLCK); err == nil {
		locks = append(locks, "lease")
	}
	id, err := unix.SysvShmGet(unix.IPC_PRIVATE, 1, unix.IPC_CREAT|0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := unix.SysvShmCtl(id, unix.IPC_RMID, nil); err != nil {
		t.Fatal(err)
	}
	return locks
}
