package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ipctop/ipctop/model"
)

// podman runs podman with runc and its own stores.
type podman struct {
	t    *testing.T
	args []string
}

const podmanImage = "ipctop-test:1"

// newPodman makes an image with only busybox.
func newPodman(t *testing.T) *podman {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("containers with stores of their own need root")
	}
	for _, program := range []string{"podman", "runc", "busybox", "tar", "go"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed", program)
		}
	}
	busybox, _ := exec.LookPath("busybox")
	dir, err := os.MkdirTemp("", "ipctop-podman-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// Podman's monitor processes clean up after removed containers.
		for range 100 {
			if os.RemoveAll(dir) == nil {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
		t.Errorf("%s cannot be removed", dir)
	})
	p := &podman{t, []string{
		"--root", filepath.Join(dir, "root"), "--runroot", filepath.Join(dir, "run"), "--storage-driver", "vfs",
		"--cgroup-manager", "cgroupfs", "--runtime", "runc",
	}}
	script := `mkdir -p "$1/bin" "$1/tmp" && cp "$2" "$1/bin/busybox" && for a in sh sleep cat; do ln -s busybox "$1/bin/$a"; done && tar -C "$1" -cf "$1.tar" .`
	image := filepath.Join(dir, "image")
	if out, err := exec.Command("sh", "-ec", script, "sh", image, busybox).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if out, err := p.run("import", image+".tar", podmanImage); err != nil {
		t.Skipf("no containers here: %v: %s", err, out)
	}
	return p
}

func (p *podman) run(args ...string) (string, error) {
	out, err := exec.Command("podman", append(slices.Clone(p.args), args...)...).CombinedOutput()
	return string(out), err
}

// start starts a container with a program, and two processes with a pipe in it. It returns
// the container's id.
func (p *podman) start(name, program string) string {
	p.t.Helper()
	out, err := p.run("run", "-d", "--name", name, "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024", "--network", "none",
		"-v", program+":/ipctop:ro", podmanImage, "/bin/sh", "-c", "sleep 300 | cat")
	if err != nil {
		p.t.Skipf("no containers here: %v: %s", err, out)
	}
	p.t.Cleanup(func() { _, _ = p.run("rm", "-f", "-t", "0", name) })
	lines := strings.Fields(out)
	return lines[len(lines)-1]
}

// Real containers: from the host both are seen and distinguished, although their processes
// have the same pids inside. Inside, there are no findings about the outside.
func TestPodmanContainers(t *testing.T) {
	p := newPodman(t)
	program := filepath.Join(t.TempDir(), "ipctop")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	ids := []string{p.start("ipctop-test-one", program), p.start("ipctop-test-two", program)}
	var one, two []int
	for range 50 { // until the shells have started their programs
		inner := map[string][]int{}
		for _, proc := range scanNow(t).Processes {
			if c := proc.Container; c != nil && slices.Contains(ids, c.ID) {
				inner[c.ID] = append(inner[c.ID], proc.NSPIDs[len(proc.NSPIDs)-1])
			}
		}
		if one, two = inner[ids[0]], inner[ids[1]]; len(one) == 3 && len(two) == 3 {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if len(one) != 3 || len(two) != 3 || !slices.Contains(one, 1) || !slices.Contains(two, 1) {
		t.Errorf("from the host: inner pids %v and %v, want three processes in each, the first of each with the same", one, two)
	}
	out, err := p.run("exec", "ipctop-test-one", "/ipctop", "check")
	if err != nil || strings.Contains(out, "nobody reads it") {
		t.Errorf("check from inside: %v: %s", err, out)
	}
	out, err = p.run("exec", "ipctop-test-one", "/ipctop", "doctor")
	if err != nil || !strings.Contains(out, "in a container") || strings.Contains(out, "CONFIG_KCMP") {
		t.Errorf("doctor from inside: %v: %s", err, out)
	}
	out, err = p.run("exec", "ipctop-test-one", "/ipctop", "dump", "--only", "processes")
	if err != nil || !strings.Contains(out, "cat") || strings.Contains(out, "ipctop.test") {
		t.Errorf("processes from inside: %v: %s", err, out)
	}
	out, err = p.run("exec", "ipctop-test-one", "/ipctop", "fixtures", "--verify", "pipe", "epoll", "epoll:shared", "pidfd", "lock-inherited", "no-reader", "small-pipe")
	if err != nil || !strings.Contains(out, "0 missing") || !strings.Contains(out, "0 failed") || strings.HasPrefix(out, "skipped  pipe ") {
		t.Errorf("fixtures from inside: %v: %s", err, out)
	}
}

// privatePodman runs podman with its usual store, together with ipctop, in a mount namespace
// where that store is empty.
const privatePodman = `
mount -t tmpfs none /var/lib/containers
mount -t tmpfs none /run/containers 2>/dev/null || { mkdir -p /run/containers && mount -t tmpfs none /run/containers; }
podman() { command podman --storage-driver vfs --cgroup-manager cgroupfs --runtime runc "$@"; }
trap 'podman rm -f -t 0 ipctop-test-kept ipctop-test-passing >/dev/null 2>&1' EXIT
podman import "$1" ipctop-test:1 >/dev/null
for n in kept passing; do
	rm=; [ $n = kept ] || rm=--rm
	podman run -d $rm --name ipctop-test-$n --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 --network none ipctop-test:1 /bin/sh -c "sleep 300 | cat" >/dev/null
	pid=$(podman inspect -f '{{.State.Pid}}' ipctop-test-$n)
	for i in $(seq 200); do
		[ "$(pgrep -P $pid | wc -l)" != 2 ] || break
		sleep 0.1
	done
done
"$2" dump --json --only processes
`

// Podman records the names of containers, and in another place the names of those that are
// removed when they end.
func TestPodmanNames(t *testing.T) {
	p := newPodman(t)
	image := filepath.Join(filepath.Dir(p.args[1]), "image.tar")
	cmd := exec.Command("unshare", "-m", "--propagation", "private", "sh", "-ec", privatePodman, "sh", image, testProgram(t))
	cmd.Env = append(os.Environ(), mainEnv+"=1")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Skipf("no containers on the usual store: %v: %s", err, stderr.String())
	}
	snap, err := model.Decode(bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]int{}
	for _, process := range snap.Processes {
		if c := process.Container; c != nil {
			names[c.Name]++
		}
	}
	if names["ipctop-test-kept"] != 3 || names["ipctop-test-passing"] != 3 {
		t.Errorf("processes by the names of their containers: %v, want three in each", names)
	}
}
