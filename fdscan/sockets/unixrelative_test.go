package sockets_test

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/fdscan/sockets"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/probe/probetest"
)

// TestLiveRelativePaths binds sockets to relative paths. Their absolute paths are known as
// long as a holder is in the directory and the file there is theirs.
func TestLiveRelativePaths(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil || uint32(fs.Type) == unix.OVERLAYFS_SUPER_MAGIC || uint32(fs.Type) == unix.BTRFS_SUPER_MAGIC {
		t.Skip("the temporary directory's file system does not tell the kernel's inodes")
	}
	t.Chdir(dir)
	// Other sockets of this machine may have the same name: the inode distinguishes them.
	inodes := map[string]model.Big{}
	listen := func(name string) *net.UnixListener {
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: name, Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		l.SetUnlinkOnClose(false)
		t.Cleanup(func() { l.Close() })
		inodes[name] = inode(t, name)
		return l
	}
	server := listen("./stream")
	listen("replaced")
	packets, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: "packets", Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer packets.Close()
	inodes["packets"] = inode(t, "packets")
	client, err := net.Dial("unix", "./stream")
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	accepted, err := server.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer accepted.Close()
	if err := os.Rename("replaced", "kept"); err != nil { // so that the inode is not used again
		t.Fatal(err)
	}
	if err := os.WriteFile("replaced", nil, 0o600); err != nil {
		t.Fatal(err)
	}

	scanner := probe.NewScanner(probe.Options{Probes: []probe.Probe{sockets.Unix()}, Repeated: true})
	t.Cleanup(scanner.Close)
	aliases := func() map[string][]string {
		seen := map[string][]string{}
		for _, o := range probetest.Again(t, scanner).Objects {
			d, ok := o.Detail.(*model.UnixDetail)
			if ok && d.PathIno != 0 && inodes[d.Path] == d.PathIno {
				seen[d.Path+" "+d.State] = o.Aliases
			}
		}
		return seen
	}
	check := func(when string, got map[string][]string, want map[string]string) {
		t.Helper()
		for name, alias := range want {
			var list []string
			if alias != "" {
				list = []string{filepath.Join(dir, alias)}
			}
			if found, ok := got[name]; !ok || !slices.Equal(found, list) {
				t.Errorf("%s: %s: aliases %q (seen: %v), want %q", when, name, found, ok, list)
			}
		}
	}
	check("in the directory", aliases(), map[string]string{
		"./stream listen": "stream", "./stream established": "stream", "packets close": "packets", "replaced listen": "",
	})
	t.Chdir("/")
	check("elsewhere", aliases(), map[string]string{"./stream listen": "", "./stream established": "", "packets close": ""})
}

func inode(t *testing.T, name string) model.Big {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Lstat(name, &st); err != nil {
		t.Fatal(err)
	}
	return model.Big(st.Ino)
}
