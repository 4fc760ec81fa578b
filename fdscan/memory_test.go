package fdscan_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/fdscan"
	"github.com/ipctop/ipctop/fdscan/files"
	"github.com/ipctop/ipctop/fdscan/memory"
	"github.com/ipctop/ipctop/fdscan/pipes"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

// otherProcess starts a process that has the files open.
func otherProcess(t *testing.T, files ...*os.File) int {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), fdscan.HoldOpen+"=1")
	cmd.ExtraFiles = files
	pid, _ := running(t, cmd)
	return pid
}

// running starts a program that says that it is ready, and ends it with the test.
func running(t *testing.T, cmd *exec.Cmd) (pid int, words []string) {
	t.Helper()
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stdin.Close(); _ = cmd.Wait() })
	line, _ := bufio.NewReader(stdout).ReadString('\n')
	words = strings.Fields(line)
	if len(words) == 0 || words[0] != "ready" {
		t.Fatalf("%s: %q", cmd.Path, line)
	}
	return cmd.Process.Pid, words[1:]
}

func scanFiles(t *testing.T) map[string]*model.Object {
	t.Helper()
	snap, err := probe.NewScanner(probe.Options{
		Probes: []probe.Probe{pipes.FIFO(), memory.Memfd(), memory.ShmAnon(), files.File()},
	}).Scan(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]*model.Object{}
	for i := range snap.Objects {
		m[snap.Objects[i].ID] = snap.Objects[i]
	}
	return m
}

// idOf returns the id of an open file as a kind, from its own fstat.
func idOf(t *testing.T, kind model.Kind, fd uintptr) string {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Fstat(int(fd), &st); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s:%d:%d:%d", kind, unix.Major(uint64(st.Dev)), unix.Minor(uint64(st.Dev)), st.Ino)
}

func tempFile(t *testing.T, name string) *os.File {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(t.TempDir(), name), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func mapFile(t *testing.T, fd uintptr, size, prot int) {
	t.Helper()
	b, err := unix.Mmap(int(fd), 0, size, prot, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Munmap(b) })
}

func heldBy(o *model.Object, pid int, via model.Via, access model.Access) bool {
	for _, h := range o.Holders {
		if int(h.PID) == pid && h.Via == via && h.Access == access {
			return true
		}
	}
	return false
}

func TestFileOfTwoProcesses(t *testing.T) {
	f := tempFile(t, "shared (deleted)") // its real name: it is not deleted
	if err := f.Truncate(4242); err != nil {
		t.Fatal(err)
	}
	reader, err := os.Open(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	other := otherProcess(t, reader)
	id := idOf(t, model.File, f.Fd())
	o := scanFiles(t)[id]
	if o == nil {
		t.Fatalf("%s was not seen", id)
	}
	d := o.Detail.(*model.FileDetail)
	if o.Path != f.Name() || o.Deleted || o.Mode != "0600" || o.UID != model.Some(os.Geteuid()) || d.Size != model.Some(int64(4242)) || d.Type != "regular" {
		t.Errorf("got %+v, %+v", o, d)
	}
	if !heldBy(o, os.Getpid(), model.ViaFD, model.ReadWrite) || !heldBy(o, other, model.ViaFD, model.Read) {
		t.Errorf("holders %+v", o.Holders)
	}
	if err := os.Remove(f.Name()); err != nil {
		t.Fatal(err)
	}
	if o = scanFiles(t)[id]; o == nil || !o.Deleted || o.Path != f.Name() {
		t.Errorf("unlinked: got %+v", o)
	}
}

// TestOrdinaryFiles: files that are not shared are not reported.
func TestOrdinaryFiles(t *testing.T) {
	log := tempFile(t, "log")
	data := tempFile(t, "data")
	if err := data.Truncate(4096); err != nil {
		t.Fatal(err)
	}
	readOnly, err := os.Open(data.Name())
	if err != nil {
		t.Fatal(err)
	}
	defer readOnly.Close()
	id := idOf(t, model.File, data.Fd())
	data.Close()
	mapFile(t, readOnly.Fd(), 4096, unix.PROT_READ)
	dir, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	otherProcess(t, readOnly, dir)
	objects := scanFiles(t)
	for name, id := range map[string]string{
		"a file of one process": idOf(t, model.File, log.Fd()), "a file that two read": id,
		"a directory": idOf(t, model.File, dir.Fd()),
	} {
		if o := objects[id]; o != nil {
			t.Errorf("%s: %+v", name, o)
		}
	}
}

func TestMappedFile(t *testing.T) {
	f := tempFile(t, "mapped")
	if err := f.Truncate(8192); err != nil {
		t.Fatal(err)
	}
	mapFile(t, f.Fd(), 8192, unix.PROT_READ|unix.PROT_WRITE)
	id := idOf(t, model.File, f.Fd())
	f.Close()
	o := scanFiles(t)[id]
	if o == nil {
		t.Fatalf("%s was not seen", id)
	}
	if o.Path != f.Name() || !heldBy(o, os.Getpid(), model.ViaMap, model.ReadWrite) || len(o.Holders) != 1 {
		t.Errorf("got %+v", o)
	}
	if d := o.Detail.(*model.FileDetail); d.Size != model.Some(int64(8192)) || o.Mode != "0600" {
		t.Errorf("got %+v, mode %s", d, o.Mode)
	}
}

func TestMemfd(t *testing.T) {
	const name = "two words (deleted)"
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		t.Skip("no memfds here: ", err)
	}
	f := os.NewFile(uintptr(fd), name)
	defer f.Close()
	if err := f.Truncate(12288); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK); err != nil {
		t.Fatal(err)
	}
	mapFile(t, f.Fd(), 12288, unix.PROT_READ|unix.PROT_WRITE)
	other := otherProcess(t, f)
	id := idOf(t, model.Memfd, f.Fd())
	check := func(when string, sized bool) *model.Object {
		t.Helper()
		o := scanFiles(t)[id]
		if o == nil {
			t.Fatalf("%s: %s was not seen", when, id)
		}
		d := o.Detail.(*model.MemoryDetail)
		if o.Name != name || o.Path != "" || d.Seals != nil {
			t.Errorf("%s: got %+v, %+v", when, o, d)
		}
		if d.Size.Known() != sized || sized && (d.Size != model.Some(int64(12288)) || d.Allocated != model.Some(int64(4096))) {
			t.Errorf("%s: size %+v", when, d)
		}
		return o
	}
	o := check("open", true)
	if !heldBy(o, os.Getpid(), model.ViaFD, model.ReadWrite) || !heldBy(o, other, model.ViaFD, model.ReadWrite) ||
		!heldBy(o, os.Getpid(), model.ViaMap, model.ReadWrite) {
		t.Errorf("holders %+v", o.Holders)
	}
}

// TestMappedMemfd: no descriptor of it is left.
func TestMappedMemfd(t *testing.T) {
	fd, err := unix.MemfdCreate("mapped", unix.MFD_CLOEXEC)
	if err != nil {
		t.Skip("no memfds here: ", err)
	}
	if err := unix.Ftruncate(fd, 8192); err != nil {
		t.Fatal(err)
	}
	mapFile(t, uintptr(fd), 8192, unix.PROT_READ|unix.PROT_WRITE)
	id := idOf(t, model.Memfd, uintptr(fd))
	unix.Close(fd)
	o := scanFiles(t)[id]
	if o == nil {
		t.Fatalf("%s was not seen", id)
	}
	d := o.Detail.(*model.MemoryDetail)
	if o.Name != "mapped" || len(o.Holders) != 1 || os.Geteuid() == 0 && d.Size != model.Some(int64(8192)) {
		t.Errorf("got %+v, %+v", o, d)
	}
	if os.Geteuid() != 0 && d.Size.Known() && d.Size != model.Some(int64(8192)) {
		t.Errorf("size %+v", d.Size)
	}
}

func TestShmAnon(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed: a Go program cannot fork")
	}
	_, words := running(t, exec.Command(python, "testdata/fork.py", "12288"))
	want := strings.Join(words, " ")
	for _, o := range scanFiles(t) {
		if o.Kind != model.ShmAnon {
			continue
		}
		var pids []string
		for _, h := range o.Holders {
			if h.Size == model.Some(int64(12288)) {
				pids = append(pids, fmt.Sprint(h.PID))
			}
		}
		if strings.Join(pids, " ") != want {
			continue
		}
		d := o.Detail.(*model.MemoryDetail)
		if o.Path != "" || os.Geteuid() == 0 && (d.Size != model.Some(int64(12288)) || d.Allocated != model.Some(int64(4096))) {
			t.Errorf("got %+v, %+v", o, d)
		}
		return
	}
	t.Errorf("no memory is shared by %s", want)
}
