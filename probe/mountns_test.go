package probe

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/proc"
)

func inodeOf(t *testing.T, i os.FileInfo) uint64 {
	t.Helper()
	return i.Sys().(*syscall.Stat_t).Ino
}

// The guard skips only that mount namespace, not another one that gets its inode number.
func TestMountNamespaceIsMoreThanItsInode(t *testing.T) {
	s := &Scan{ProcRoot: "/proc"}
	own, err := os.Stat("/proc/self/ns/mnt")
	if err != nil {
		t.Skip(err)
	}
	inode := inodeOf(t, own)
	item := s.mountNSItemOf(inode, []int32{1 << 30, int32(os.Getpid())})
	if item.inode != inode || item != s.mountNSItemOf(inode, []int32{int32(os.Getpid())}) {
		t.Fatalf("%+v", item)
	}
	if item.id == 0 {
		t.Skip("this kernel gives mount namespaces no id of their own")
	}
	if other := s.mountNSItemOf(inode+1, []int32{int32(os.Getpid())}); other.id != 0 {
		t.Errorf("a process that has moved on identifies the namespace it was in: %+v", other)
	}
	cmd := exec.Command("unshare", "-m", "sh", "-c", "echo ready; read x")
	in, _ := cmd.StdinPipe()
	out, _ := cmd.StdoutPipe()
	if err := cmd.Start(); err != nil {
		t.Skip(err)
	}
	defer func() { in.Close(); _ = cmd.Wait() }()
	b := make([]byte, 6)
	if n, _ := out.Read(b); !strings.HasPrefix(string(b[:n]), "ready") {
		t.Skip("no mount namespace can be made here")
	}
	there, err := os.Stat("/proc/" + strconv.Itoa(cmd.Process.Pid) + "/ns/mnt")
	if err != nil {
		t.Fatal(err)
	}
	if other := s.mountNSItemOf(inodeOf(t, there), []int32{int32(cmd.Process.Pid)}); other.id == item.id || other.id == 0 {
		t.Errorf("two namespaces are %+v and %+v", item, other)
	}
}

// If a table is not read, every path counts as foreign: a gap says so, once.
func TestMountTableThatIsNotRead(t *testing.T) {
	dir, err := proc.OpenDir("/proc/" + strconv.Itoa(os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	scanner := NewScanner(Options{})
	for _, tt := range []struct {
		name   string
		size   int // of the tables read before
		thread string
		gaps   int
	}{
		{"read", 0, "", 0},
		{"others are large", maxMountTables, "", 1},
		{"the thread has ended", 0, "task/1/", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &Scan{ProcRoot: "/proc", scanner: scanner, mounts: &mountTables{byNS: map[uint64]*proc.MountTable{}, size: tt.size}}
			m := &model.Process{PID: os.Getpid(), State: "R"}
			scanner.guard.Each(1, 1, func(int) guard.Item { return guard.Item{Key: "mounts"} }, func(task *guard.Task, _ int) func() {
				p := &Proc{Dir: dir, Model: m, Scan: s, task: task}
				for range 2 {
					if table := s.mounts.seenFrom(p, 1, tt.thread); (table != nil) != (tt.gaps == 0 && tt.thread == "") {
						t.Errorf("the table is %v", table)
					}
				}
				m.Namespaces = map[string]uint64{"mnt": 1} // the table that was read, or another one
				var out Collector
				const nowhere = 1<<64 - 1
				if memory := p.Unmounted(nowhere, &out); memory != (tt.gaps == 0 && tt.thread == "") || memory == (len(out.gaps) > 0) {
					t.Errorf("a device that is mounted nowhere is one of memory: %v; gaps %+v", memory, out.gaps)
				}
				return nil
			})
			gaps := 0
			for _, r := range s.results {
				for _, g := range r.out.gaps {
					gaps++
					if g.Reason != model.Truncated || g.Op != "read mountinfo" || g.PID != m.PID {
						t.Errorf("%+v", g)
					}
				}
			}
			if gaps != tt.gaps {
				t.Errorf("%d gaps, want %d", gaps, tt.gaps)
			}
		})
	}
}
