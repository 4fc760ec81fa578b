package probe

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ipctop/ipctop/model"
)

// testContainerID makes the id of a container: 64 times one digit.
func testContainerID(digit string) string { return strings.Repeat(digit, 64) }

func TestContainerFiles(t *testing.T) {
	id := testContainerID("a")
	for name, want := range map[string]model.Container{
		"web-7d9f_shop_nginx-" + id + ".log":     {ID: id, Pod: "web-7d9f", PodNamespace: "shop", Name: "nginx"},
		"web-7d9f_shop_side-car-" + id + ".log":  {ID: id, Pod: "web-7d9f", PodNamespace: "shop", Name: "side-car"},
		"web-7d9f_shop_nginx-" + id[1:] + ".log": {},
		"web_nginx-" + id + ".log":               {},
		"x.log":                                  {},
		"":                                       {},
	} {
		if c, ok := parseLogName(name); c != want && ok || ok != (want.ID != "") {
			t.Errorf("%s: %+v %v, want %+v", name, c, ok, want)
		}
	}
	for name, want := range map[string]model.Container{
		"/web":                           {Name: "web"},
		"k8s_nginx_web-7d9f_shop_12_0":   {Name: "nginx", Pod: "web-7d9f", PodNamespace: "shop"},
		"/k8s_POD_web-7d9f_shop_1234_12": {Name: "POD", Pod: "web-7d9f", PodNamespace: "shop"},
		"k8s_of_mine":                    {Name: "k8s_of_mine"},
	} {
		if got := fromRuntimeName(name); got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
	for _, text := range []string{"", "{", "[]", "{}", `{"Name":7}`, `[{"id":1}]`, `{"annotations":{"x":"y"}}`} {
		if c, ok := parseDockerConfig([]byte(text)); ok {
			t.Errorf("Docker's %q: %+v", text, c)
		}
		if c, ok := parseSpec([]byte(text)); ok {
			t.Errorf("specification %q: %+v", text, c)
		}
		if l := parseStorage([]byte(text)); len(l) > 0 {
			t.Errorf("storage %q: %+v", text, l)
		}
	}
}

// Each runtime's files give its containers their names, and are read no more once
// they did; what is on a foreign file system, or behind a symbolic link, is left
// alone.
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
	mounts := &mountTable{types: map[string]string{"/": "ext4", "/var/lib/docker/containers/" + foreign: "nfs4"}}
	scanner := NewScanner(Options{})
	scan := func() map[string]model.Container {
		s := &Scan{ProcRoot: root, scanner: scanner, mounts: &mountTables{byNS: map[uint64]*mountTable{ns: mounts}}}
		s.add(&result{process: &model.Process{PID: 1, Namespaces: map[string]uint64{"mnt": ns}}})
		for _, id := range []string{docker, cri, k3s, nerdctl, crio, podman, logged, foreign, linked} {
			p := &model.Process{Cgroup: "/system.slice/docker-" + id + ".scope"}
			placeProcess(p)
			s.add(&result{process: p})
		}
		p := &model.Process{Cgroup: "/kubepods/pod12345678-9abc-def0-1234-56789abcdef0/" + pod}
		placeProcess(p)
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

func FuzzContainerFiles(f *testing.F) {
	f.Add([]byte(`{"Name":"/db","annotations":{"nerdctl/name":"x"}}`))
	f.Add([]byte(`[{"id":"x","names":["k8s_a_b_c_d_e"]}]`))
	f.Fuzz(func(_ *testing.T, b []byte) {
		parseDockerConfig(b)
		parseSpec(b)
		parseStorage(b)
		parseLogName(string(b))
	})
}
