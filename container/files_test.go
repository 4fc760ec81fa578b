package container

import (
	"strings"
	"testing"

	"github.com/ipctop/ipctop/model"
)

func TestContainerFiles(t *testing.T) {
	id := strings.Repeat("a", 64)
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
