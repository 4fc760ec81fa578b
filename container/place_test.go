package container

import (
	"strings"
	"testing"

	"github.com/ipctop/ipctop/model"
)

func FuzzPlaceProcess(f *testing.F) {
	f.Add([]byte("/system.slice/docker-0123.scope"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p := model.Process{Cgroup: string(b)}
		Place(&p)
	})
}

func TestPlaceProcess(t *testing.T) {
	const id = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for path, want := range map[string][2]string{
		"/system.slice/docker-" + id + ".scope": {"docker-" + id + ".scope", id},
		"/docker/" + id:                         {"", id},
		"/kubepods/burstable/pod7/" + id:        {"", id},
		"/kubepods.slice/kubepods-pod7.slice/cri-containerd-" + id + ".scope": {"cri-containerd-" + id + ".scope", id},
		"/machine.slice/libpod-" + id + ".scope/container":                    {"libpod-" + id + ".scope", id},
		"/system.slice/nginx.service":                                         {"nginx.service", ""},
		"/user.slice/user-0.slice/session-3.scope":                            {"session-3.scope", ""},
		"/lxc.payload.web/system.slice/cron.service":                          {"cron.service", "web"},
		"/": {"", ""},
		"/machine.slice/libpod-conmon-" + id + ".scope":                                                {"libpod-conmon-" + id + ".scope", ""},
		"/machine.slice/machine-libpod_pod_" + id + ".slice/libpod-" + id + ".scope":                   {"libpod-" + id + ".scope", id},
		"/user.slice/user-7.slice/user@7.service/user.slice/libpod-" + id + ".scope/container":         {"libpod-" + id + ".scope", id},
		"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/crio-" + id + ".scope": {"crio-" + id + ".scope", id},
		"/system.slice/nerdctl-" + id + ".scope":                                                       {"nerdctl-" + id + ".scope", id},
		"/docker/" + strings.Repeat("f", 64) + "/docker/" + id:                                         {"", id},
		"/ecs/7/" + id: {"", id},
		"/machine.slice/systemd-nspawn@web.service/payload/system.slice/cron.service": {"cron.service", "web"},
		"/machine.slice/systemd-nspawn@web.service/supervisor":                        {"systemd-nspawn@web.service", ""},
		"/lxc.monitor.web": {"", ""},
		"/user.slice/user-1000.slice/user@1000.service/app.slice/app-gnome-x-7.scope": {"app-gnome-x-7.scope", ""},
		"/init.scope": {"init.scope", ""},
	} {
		p := model.Process{Cgroup: path}
		Place(&p)
		got := [2]string{p.Unit, ""}
		if p.Container != nil {
			got[1] = p.Container.ID
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
}

func TestPodOf(t *testing.T) {
	const uid, id = "12345678-9abc-def0-1234-56789abcdef0", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for path, want := range map[string]string{
		"/kubepods/burstable/pod" + uid + "/" + id: uid,
		"/kubepods/pod" + uid + "/" + id:           uid,
		"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" + strings.ReplaceAll(uid, "-", "_") + ".slice/cri-containerd-" + id + ".scope": uid,
		"/kubepods.slice/kubepods-pod" + strings.ReplaceAll(uid, "-", "_") + ".slice/crio-" + id + ".scope":                                                uid,
		"/machine.slice/podman.service": "",
		"/docker/" + id:                 "",
	} {
		if got := PodOf(path); got != want {
			t.Errorf("%s: pod %q, want %q", path, got, want)
		}
	}
}
