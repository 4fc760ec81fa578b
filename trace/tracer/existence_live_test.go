//go:build amd64 || arm64

package tracer_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/proc"
	"github.com/ipctop/ipctop/trace"
	"github.com/ipctop/ipctop/trace/tracer"
)

// told are the reported objects that this process makes and removes and for which is
// returns true, until the last of them is removed.
func told(t *testing.T, find finder, is func(e *trace.Event) bool, last func(e *trace.Event) bool) (list []string) {
	t.Helper()
	seen := map[*trace.Event]bool{}
	find("the last event", func(e *trace.Event) bool {
		if e.Existence == nil || e.Sender.PID != os.Getpid() || !is(e) {
			return false
		}
		if !seen[e] {
			seen[e] = true
			text := strings.Join(strings.Fields(e.Event+" "+e.Of+" "+e.Path+" "+e.Object+" "+e.Key), " ")
			if e.Target != nil && e.Target.PID == os.Getpid() {
				text += " own"
			}
			list = append(list, text)
		}
		return last(e)
	})
	return list
}

func compare(t *testing.T, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("it tells\n%s\nnot\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestExistenceOfSystemV: an object's creation and removal are reported; opening an existing one is not.
func TestExistenceOfSystemV(t *testing.T) {
	const create, exclusive = 0o1000, 0o2000 // IPC_CREAT, IPC_EXCL
	for _, test := range []struct {
		kind    string
		get     func(key, flags uintptr) (uintptr, unix.Errno)
		control func(id uintptr) unix.Errno
	}{
		{"sysv-shm", func(key, flags uintptr) (uintptr, unix.Errno) {
			id, _, errno := unix.Syscall(unix.SYS_SHMGET, key, 4096, flags)
			return id, errno
		}, func(id uintptr) unix.Errno { _, _, errno := unix.Syscall(unix.SYS_SHMCTL, id, 0, 0); return errno }},
		{"sysv-sem", func(key, flags uintptr) (uintptr, unix.Errno) {
			id, _, errno := unix.Syscall(unix.SYS_SEMGET, key, 1, flags)
			return id, errno
		}, func(id uintptr) unix.Errno {
			_, _, errno := unix.Syscall6(unix.SYS_SEMCTL, id, 0, 0, 0, 0, 0)
			return errno
		}},
		{"sysv-msg", func(key, flags uintptr) (uintptr, unix.Errno) {
			id, _, errno := unix.Syscall(unix.SYS_MSGGET, key, flags, 0)
			return id, errno
		}, func(id uintptr) unix.Errno { _, _, errno := unix.Syscall(unix.SYS_MSGCTL, id, 0, 0); return errno }},
	} {
		t.Run(test.kind, func(t *testing.T) {
			find := watch(t, tracer.Options{Objects: true})
			var want []string
			for _, how := range []struct{ key, flags uintptr }{
				{uintptr(0x69500000 | os.Getpid()), create}, {uintptr(0x69500000 | os.Getpid()), create | exclusive}, {0, 0},
			} {
				id, errno := test.get(how.key, how.flags|0o600)
				if errno != 0 {
					t.Skip(errno)
				}
				if how.key != 0 { // it exists already
					if again, errno := test.get(how.key, create|0o600); again != id || errno != 0 {
						t.Fatal(again, id, errno)
					}
				}
				if errno := test.control(id); errno != 0 {
					t.Fatal(errno)
				}
				object := fmt.Sprintf("%s %s:%d 0x%08x", test.kind, test.kind, int32(id), how.key)
				want = append(want, "created "+object, "removed "+object+" own")
			}
			last := strings.Fields(want[len(want)-1])[2]
			compare(t, told(t, find, func(e *trace.Event) bool { return e.Of == test.kind }, func(e *trace.Event) bool {
				return e.Event == trace.RemovedEvent && e.Object == last
			}), want)
		})
	}
}

// TestExistenceOfQueues tests POSIX queues.
func TestExistenceOfQueues(t *testing.T) {
	find := watch(t, tracer.Options{Objects: true})
	name := fmt.Sprintf("ipctop-trace-%d", os.Getpid())
	text, err := unix.BytePtrFromString(name)
	if err != nil {
		t.Fatal(err)
	}
	open := func(flags uintptr) (object string) {
		fd, _, errno := unix.Syscall6(unix.SYS_MQ_OPEN, uintptr(unsafe.Pointer(text)), flags, 0o600, 0, 0, 0)
		if errno != 0 {
			t.Skip(errno)
		}
		defer unix.Close(int(fd))
		var st unix.Stat_t
		if err := unix.Fstat(int(fd), &st); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("posix-mq:%s:%d", proc.DevString(proc.Dev(unix.Major(st.Dev), unix.Minor(st.Dev))), st.Ino)
	}
	var want []string
	for _, flags := range []uintptr{unix.O_CREAT, unix.O_CREAT | unix.O_EXCL} {
		object := open(flags)
		open(unix.O_CREAT)
		if _, _, errno := unix.Syscall(unix.SYS_MQ_UNLINK, uintptr(unsafe.Pointer(text)), 0, 0); errno != 0 {
			t.Fatal(errno)
		}
		line := fmt.Sprintf("posix-mq /%s %s", name, object)
		want = append(want, "created "+line, "removed "+line+" own")
	}
	removed := 0
	counted := map[*trace.Event]bool{}
	compare(t, told(t, find, func(e *trace.Event) bool { return e.Path == "/"+name }, func(e *trace.Event) bool {
		if e.Event == trace.RemovedEvent && !counted[e] {
			counted[e] = true
			removed++
		}
		return removed == 2
	}), want)
}

// TestExistenceOfFiles tests shared memory and semaphores, which are files, and FIFOs.
func TestExistenceOfFiles(t *testing.T) {
	find := watch(t, tracer.Options{Objects: true})
	var fs unix.Statfs_t
	if err := unix.Statfs("/dev/shm", &fs); err != nil || fs.Type != unix.TMPFS_MAGIC {
		t.Skip("there is no tmpfs at /dev/shm")
	}
	mark := fmt.Sprintf("ipctop-trace-%d", os.Getpid())
	memory, semaphore := "/dev/shm/"+mark, "/dev/shm/sem."+mark
	step, relative := "/dev/shm/sem.step-"+mark, "rel-"+mark
	fifo := filepath.Join(t.TempDir(), mark)
	for _, path := range []string{memory, semaphore, step, "/dev/shm/" + relative} {
		t.Cleanup(func() { _ = os.Remove(path) })
	}
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	create := func(path string) (id string) {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		check(err)
		defer f.Close()
		var st unix.Stat_t
		check(unix.Fstat(int(f.Fd()), &st))
		return fmt.Sprintf("%s:%d", proc.DevString(proc.Dev(unix.Major(st.Dev), unix.Minor(st.Dev))), st.Ino)
	}
	first := create(memory)
	create(memory) // it exists already
	check(unix.Unlink(memory))
	second := create(step) // like the C library when it makes a semaphore
	check(unix.Link(step, semaphore))
	check(unix.Unlink(step))
	dir, err := unix.Open("/dev/shm", unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	check(err)
	defer unix.Close(dir)
	fd, err := unix.Openat(dir, relative, unix.O_CREAT|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	check(err)
	unix.Close(fd)
	check(unix.Unlinkat(dir, relative, 0))
	create(filepath.Join(t.TempDir(), mark)) // an ordinary file
	check(unix.Mkfifo(fifo, 0o600))
	check(unix.Unlink(semaphore))
	list := told(t, find, func(e *trace.Event) bool { return strings.Contains(e.Path, mark) }, func(e *trace.Event) bool {
		return e.Event == trace.RemovedEvent && e.Path == semaphore
	})
	for i, line := range list {
		if strings.Contains(line, relative) { // the inode no longer exists
			list[i] = strings.Join(strings.Fields(line)[:3], " ")
		}
	}
	compare(t, list, []string{
		"created posix-shm " + memory + " posix-shm:" + first, "removed posix-shm " + memory + " posix-shm:" + first + " own",
		"created posix-sem " + semaphore + " posix-sem:" + second,
		"created posix-shm /dev/shm/" + relative, "removed posix-shm /dev/shm/" + relative,
		"created fifo " + fifo, "removed posix-sem " + semaphore + " posix-sem:" + second + " own",
	})
}
