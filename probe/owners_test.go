package probe

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/proc"
)

// A user who uses other ids in a user namespace of their own still counts as one user.
func TestAccountsOfUserNamespaces(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("takes another user's id")
	}
	own, err := proc.ReadNamespace("/proc/self/ns/user")
	if err != nil {
		t.Skip(err)
	}
	for _, command := range []string{"unshare -r sleep 600", "unshare -r unshare -r sleep 600"} {
		args := strings.Fields(command)
		cmd := exec.Command(args[0], args[1:]...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 4242, Gid: 4242}, Pdeathsig: syscall.SIGKILL}
		var said strings.Builder
		cmd.Stderr = &said
		if err := cmd.Start(); err != nil {
			t.Skip(err)
		}
		dir := "/proc/" + strconv.Itoa(cmd.Process.Pid)
		comm := ""
		for end := time.Now().Add(time.Minute); comm != "sleep\n" && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
			b, _ := os.ReadFile(dir + "/comm")
			comm = string(b)
		}
		ns, _ := proc.ReadNamespace(dir + "/ns/user")
		a := NewAccounts("/proc")
		pid := int32(cmd.Process.Pid)
		account := a.Of(guard.Owner{UID: 100005, PID: pid})
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if comm != "sleep\n" || ns == own {
			t.Skipf("%s: %s", command, said.String())
		}
		if account != 4242 {
			t.Errorf("%s: the account is %d", command, account)
		}
	}
	a := NewAccounts("/proc")
	if got := a.Of(guard.Owner{UID: 5, PID: int32(os.Getpid())}); got != 5 {
		t.Errorf("in ipctop's own user namespace: %d", got)
	}
	if got := a.Of(guard.Owner{UID: 6, PID: 1 << 30}); got != 6 {
		t.Errorf("of a process that is not there: %d", got)
	}
}

// A process counts for its real user, who started it with another user's rights.
func TestOwnerIsTheRealUser(t *testing.T) {
	var o owners
	o.set(7, []byte("Name:\tpasswd\nUid:\t1000\t0\t0\t0\n"))
	o.set(8, []byte("Name:\tx\n"))
	if uid, ok := o.get(7); uid != 1000 || !ok {
		t.Errorf("%d, %v", uid, ok)
	}
	if _, ok := o.get(8); ok {
		t.Error("of a process without uids one is known")
	}
	o.keep([]int{8, 9})
	if _, ok := o.get(7); ok {
		t.Error("one that has ended is remembered")
	}
}
