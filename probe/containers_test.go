package probe

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ipctop/ipctop/container"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/proc"
)

// testContainerID makes the id of a container: 64 times one digit.
func testContainerID(digit string) string { return strings.Repeat(digit, 64) }

// Each runtime's files give its containers their names, and are not read again
// after that. Files on a foreign file system, or behind a symbolic link, are
// skipped.
func TestContainerNames(t *testing.T) {
	root := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(root, "1/root", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	docker, cri, k3s, nerdctl, crio, podman := testContainerID("1"), testContainerID("2"), testContainerID("3"), testContainerID("4"), testContainerID("5"), testContainerID("6")
	logged, pod, foreign, linked := testContainerID("7"), testContainerID("8"), testContainerID("9"), testContainerID("0")
	spec := func(keys ...string) string {
		var list []string
		for i := 0; i < len(keys); i += 2 {
			list = append(list, fmt.Sprintf("%q: %q", keys[i], keys[i+1]))
		}
		return `{"ociVersion":"1.0","annotations":{` + strings.Join(list, ",") + "}}"
	}
	write("var/lib/docker/containers/"+docker+"/config.v2.json", `{"ID":"`+docker+`","Name":"/db","Config":{"Env":["A=b"]}}`)
	write("run/containerd/io.containerd.runtime.v2.task/k8s.io/"+cri+"/config.json", spec("io.kubernetes.cri.container-name", "nginx",
		"io.kubernetes.cri.sandbox-name", "web-1", "io.kubernetes.cri.sandbox-namespace", "shop"))
	write("run/k3s/containerd/io.containerd.runtime.v2.task/k8s.io/"+k3s+"/config.json", spec("io.kubernetes.cri.sandbox-name", "web-2"))
	write("run/containerd/io.containerd.runtime.v2.task/default/"+nerdctl+"/config.json", spec("nerdctl/name", "cache"))
	write("run/containers/storage/overlay-containers/"+crio+"/userdata/config.json", spec("io.kubernetes.container.name", "app",
		"io.kubernetes.pod.name", "app-0", "io.kubernetes.pod.namespace", "prod"))
	write("var/lib/containers/storage/overlay-containers/containers.json", `[{"id":"`+podman+`","names":["backup"]},{"id":"x"}]`)
	write("var/log/containers/web-3_shop_job-"+logged+".log", "")
	write("var/log/pods/shop_web-4_12345678-9abc-def0-1234-56789abcdef0/job/0.log", "")
	write("elsewhere/config.v2.json", `{"Name":"/behind-a-link"}`)
	if err := os.Symlink("/elsewhere", filepath.Join(root, "1/root/var/lib/docker/containers", linked)); err != nil {
		t.Fatal(err)
	}
	write("var/lib/docker/containers/"+foreign+"/config.v2.json", `{"Name":"/on-a-server"}`)

	const ns = 77
	mounts := proc.NewMountTable([]proc.Mount{{Point: "/", Type: "ext4"}, {Point: "/var/lib/docker/containers/" + foreign, Type: "nfs4"}})
	scanner := NewScanner(Options{})
	scan := func() map[string]model.Container {
		s := &Scan{ProcRoot: root, scanner: scanner, mounts: &mountTables{byNS: map[uint64]*proc.MountTable{ns: mounts}}}
		s.add(&result{process: &model.Process{PID: 1, Namespaces: map[string]uint64{"mnt": ns}}})
		for _, id := range []string{docker, cri, k3s, nerdctl, crio, podman, logged, foreign, linked} {
			p := &model.Process{Cgroup: "/system.slice/docker-" + id + ".scope"}
			container.Place(p)
			s.add(&result{process: p})
		}
		p := &model.Process{Cgroup: "/kubepods/pod12345678-9abc-def0-1234-56789abcdef0/" + pod}
		container.Place(p)
		s.add(&result{process: p})
		s.nameContainers()
		got := map[string]model.Container{}
		for _, r := range s.results[1:] {
			got[r.process.Container.ID] = *r.process.Container
		}
		return got
	}
	want := map[string]model.Container{
		docker:  {ID: docker, Name: "db"},
		cri:     {ID: cri, Name: "nginx", Pod: "web-1", PodNamespace: "shop"},
		k3s:     {ID: k3s, Pod: "web-2"},
		nerdctl: {ID: nerdctl, Name: "cache"},
		crio:    {ID: crio, Name: "app", Pod: "app-0", PodNamespace: "prod"},
		podman:  {ID: podman, Name: "backup"},
		logged:  {ID: logged, Name: "job", Pod: "web-3", PodNamespace: "shop"},
		pod:     {ID: pod, Pod: "web-4", PodNamespace: "shop"},
		foreign: {ID: foreign},
		linked:  {ID: linked},
	}
	for round := range 2 {
		got := scan()
		for _, id := range slices.Sorted(maps.Keys(want)) {
			if got[id] != want[id] {
				t.Errorf("round %d: %+v, want %+v", round, got[id], want[id])
			}
		}
		if err := os.RemoveAll(filepath.Join(root, "1/root/var/lib/docker/containers", docker)); err != nil { // the second round remembers
			t.Fatal(err)
		}
	}
}
