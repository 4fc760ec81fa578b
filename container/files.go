package container

import (
	"encoding/json"
	"strings"

	"github.com/ipctop/ipctop/model"
)

// Runtimes and the kubelet write information about containers to files, each in
// its own form. Only names are taken from them.

// parseLogName reads the name of a log in /var/log/containers. The kubelet makes
// one for every container: POD_NAMESPACE_CONTAINER-ID.log.
func parseLogName(name string) (model.Container, bool) {
	name, ok1 := strings.CutSuffix(name, ".log")
	parts := strings.Split(name, "_")
	i := strings.LastIndexByte(name, '-')
	if !ok1 || len(parts) != 3 || i < 0 || !isContainerID(name[i+1:]) {
		return model.Container{}, false
	}
	id := name[i+1:]
	return model.Container{ID: id, Pod: parts[0], PodNamespace: parts[1], Name: strings.TrimSuffix(parts[2], "-"+id)}, true
}

func isContainerID(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
}

// parsePodDirectory reads the name of a directory in /var/log/pods:
// NAMESPACE_POD_UID.
func parsePodDirectory(name string) (uid string, c model.Container, ok bool) {
	parts := strings.Split(name, "_")
	if len(parts) != 3 {
		return "", c, false
	}
	return parts[2], model.Container{Pod: parts[1], PodNamespace: parts[0]}, true
}

// fromRuntimeName reads the name that a container has in its runtime.
// Kubernetes composes it: k8s_CONTAINER_POD_NAMESPACE_UID_ATTEMPT.
func fromRuntimeName(name string) model.Container {
	name = strings.TrimPrefix(name, "/") // Docker adds the slash
	if parts := strings.Split(name, "_"); len(parts) == 6 && parts[0] == "k8s" {
		return model.Container{Name: parts[1], Pod: parts[2], PodNamespace: parts[3]}
	}
	return model.Container{Name: name}
}

// parseDockerConfig reads Docker's config.v2.json.
func parseDockerConfig(text []byte) (model.Container, bool) {
	var f struct{ Name string }
	err := json.Unmarshal(text, &f)
	return fromRuntimeName(f.Name), err == nil && f.Name != ""
}

// parseSpec reads the annotations in an OCI runtime's config.json: those of
// containerd's CRI, of nerdctl, and of CRI-O.
func parseSpec(text []byte) (model.Container, bool) {
	var f struct{ Annotations map[string]string }
	if json.Unmarshal(text, &f) != nil {
		return model.Container{}, false
	}
	first := func(keys ...string) string {
		for _, k := range keys {
			if v := f.Annotations[k]; v != "" {
				return v
			}
		}
		return ""
	}
	c := model.Container{
		Name:         first("io.kubernetes.cri.container-name", "io.kubernetes.container.name", "nerdctl/name"),
		Pod:          first("io.kubernetes.cri.sandbox-name", "io.kubernetes.pod.name"),
		PodNamespace: first("io.kubernetes.cri.sandbox-namespace", "io.kubernetes.pod.namespace"),
	}
	return c, c != model.Container{}
}

// parseStorage reads containers.json of containers/storage, which Podman and CRI-O
// use: all containers in one list.
func parseStorage(text []byte) map[string]model.Container {
	var list []struct {
		ID    string   `json:"id"`
		Names []string `json:"names"`
	}
	if json.Unmarshal(text, &list) != nil {
		return nil
	}
	byID := make(map[string]model.Container, len(list))
	for _, e := range list {
		if len(e.Names) > 0 {
			byID[e.ID] = fromRuntimeName(e.Names[0])
		}
	}
	return byID
}
