package exporter

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	yaml "go.yaml.in/yaml/v2"
)

type labels = map[string]string

// manifest has the fields of Kubernetes objects that contrib/kubernetes uses. Decoding is
// strict, so that a field that is misspelt or in the wrong place is an error.
type manifest struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string
	Metadata   struct {
		Name, Namespace     string
		Labels, Annotations labels
	}
	Spec struct {
		Selector struct {
			MatchLabels labels `yaml:"matchLabels"`
		}
		UpdateStrategy any `yaml:"updateStrategy"`
		Template       struct {
			Metadata struct{ Labels, Annotations labels }
			Spec     podSpec
		}

		// of a NetworkPolicy
		PodSelector struct {
			MatchLabels labels `yaml:"matchLabels"`
		} `yaml:"podSelector"`
		PolicyTypes []string `yaml:"policyTypes"`
		Ingress     []struct {
			From  any
			Ports []struct{ Port int }
		}
		Egress []any

		// of a PodMonitor
		PodMetricsEndpoints []struct {
			Port, Interval string
			Relabelings    any
		} `yaml:"podMetricsEndpoints"`
	}
}

type podSpec struct {
	HostPID                      bool  `yaml:"hostPID"`
	AutomountServiceAccountToken *bool `yaml:"automountServiceAccountToken"`
	EnableServiceLinks           bool  `yaml:"enableServiceLinks"`
	Tolerations                  any
	NodeSelector                 labels `yaml:"nodeSelector"`
	Containers                   []struct {
		Name, Image string
		Args        []string
		Ports       []struct {
			Name          string
			ContainerPort int `yaml:"containerPort"`
		}
		SecurityContext struct {
			RunAsUser                *int `yaml:"runAsUser"`
			Privileged               bool
			AllowPrivilegeEscalation *bool `yaml:"allowPrivilegeEscalation"`
			ReadOnlyRootFilesystem   bool  `yaml:"readOnlyRootFilesystem"`
			Capabilities             struct{ Drop, Add []string }
			SeccompProfile           struct{ Type string } `yaml:"seccompProfile"`
		} `yaml:"securityContext"`
		ReadinessProbe probe `yaml:"readinessProbe"`
		LivenessProbe  probe `yaml:"livenessProbe"`
		Resources      struct{ Requests, Limits labels }
		VolumeMounts   []struct {
			Name      string
			MountPath string `yaml:"mountPath"`
			ReadOnly  bool   `yaml:"readOnly"`
		} `yaml:"volumeMounts"`
	}
	Volumes []struct {
		Name     string
		HostPath struct{ Path string } `yaml:"hostPath"`
	}
}

type probe struct {
	HTTPGet      struct{ Path, Port string } `yaml:"httpGet"`
	InitialDelay int                         `yaml:"initialDelaySeconds"`
	Period       int                         `yaml:"periodSeconds"`
	Failures     int                         `yaml:"failureThreshold"`
}

// manifests are the documents of a file, by kind.
func manifests(t *testing.T, name string) map[string]*manifest {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../contrib/kubernetes", name))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]*manifest{}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.SetStrict(true)
	for {
		m := new(manifest)
		err := d.Decode(m)
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		found[m.APIVersion+" "+m.Kind] = m
	}
}

// within reports whether all selected labels are present.
func within(selected, have labels) bool {
	for name, value := range selected {
		if have[name] != value {
			return false
		}
	}
	return len(selected) > 0
}

// TestKubernetes: labels, ports, volumes and rights of contrib/kubernetes agree with each
// other and with docs/exporter.md.
func TestKubernetes(t *testing.T) {
	all := manifests(t, "daemonset.yaml")
	namespace, set, policy := all["v1 Namespace"], all["apps/v1 DaemonSet"], all["networking.k8s.io/v1 NetworkPolicy"]
	monitor := manifests(t, "podmonitor.yaml")["monitoring.coreos.com/v1 PodMonitor"]
	if namespace == nil || set == nil || policy == nil || monitor == nil || len(all) != 3 {
		t.Fatalf("the objects are %v", all)
	}
	for _, m := range []*manifest{set, policy, monitor} {
		if m.Metadata.Namespace != namespace.Metadata.Name || m.Metadata.Name == "" {
			t.Errorf("%s is %s in namespace %s", m.Kind, m.Metadata.Name, m.Metadata.Namespace)
		}
	}
	template := &set.Spec.Template
	for kind, selected := range map[string]labels{
		"DaemonSet": set.Spec.Selector.MatchLabels, "NetworkPolicy": policy.Spec.PodSelector.MatchLabels, "PodMonitor": monitor.Spec.Selector.MatchLabels,
	} {
		if !within(selected, template.Metadata.Labels) {
			t.Errorf("%s selects %v, the pods have %v", kind, selected, template.Metadata.Labels)
		}
	}
	pod := &template.Spec
	if !pod.HostPID || pod.AutomountServiceAccountToken == nil || *pod.AutomountServiceAccountToken || len(pod.Containers) != 1 {
		t.Fatalf("the pod is %+v", pod)
	}
	c := &pod.Containers[0]
	port := c.Ports[0]
	if want := []string{"exporter", fmt.Sprintf("--web.listen-address=:%d", port.ContainerPort)}; !slices.Equal(c.Args, want) {
		t.Errorf("arguments %q, want %q", c.Args, want)
	}
	if got := template.Metadata.Annotations["prometheus.io/port"]; got != fmt.Sprint(port.ContainerPort) {
		t.Errorf("the annotation says port %s", got)
	}
	if got := policy.Spec.Ingress[0].Ports[0].Port; got != port.ContainerPort || len(policy.Spec.Egress) != 0 || len(policy.Spec.PolicyTypes) != 2 {
		t.Errorf("the network policy is %+v", policy.Spec)
	}
	for what, name := range map[string]string{
		"PodMonitor": monitor.Spec.PodMetricsEndpoints[0].Port, "readiness": c.ReadinessProbe.HTTPGet.Port, "liveness": c.LivenessProbe.HTTPGet.Port,
	} {
		if name != port.Name {
			t.Errorf("%s asks port %q, which is called %q", what, name, port.Name)
		}
	}
	if c.ReadinessProbe.HTTPGet.Path != "/healthz" || c.LivenessProbe.HTTPGet.Path != "/healthz" {
		t.Errorf("the probes are %+v and %+v", c.ReadinessProbe, c.LivenessProbe)
	}
	for _, m := range c.VolumeMounts {
		if !m.ReadOnly {
			t.Errorf("%s can be written", m.MountPath)
		}
		found := false
		for _, v := range pod.Volumes {
			found = found || v.Name == m.Name && v.HostPath.Path == m.MountPath
		}
		if !found {
			t.Errorf("there is no volume %s with %s", m.Name, m.MountPath)
		}
	}
	s := &c.SecurityContext
	if s.Privileged || s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation || !s.ReadOnlyRootFilesystem || !slices.Equal(s.Capabilities.Drop, []string{"ALL"}) {
		t.Errorf("the security context is %+v", s)
	}
	if _, limited := c.Resources.Limits["cpu"]; limited {
		t.Error("a limit of CPU can stop ipctop while it has a duplicate of somebody's pipe")
	}
	page, err := os.ReadFile("../docs/exporter.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "| right |")
	for _, right := range s.Capabilities.Add {
		if !strings.Contains(table, right) {
			t.Errorf("docs/exporter.md does not say what %s is for", right)
		}
	}
}
