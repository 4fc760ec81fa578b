package query

import (
	"strings"
	"testing"

	"github.com/ipctop/ipctop/model"
)

// TestRelativeSocket: a socket with a relative path is found by its absolute path if that is
// known; otherwise it is named as a possible match.
func TestRelativeSocket(t *testing.T) {
	s := &model.Snapshot{Objects: []*model.Object{
		{ID: "unix:1", Kind: model.Unix, Name: "./s", Path: "./s", Aliases: []string{"/run/app/s"}, Detail: &model.UnixDetail{Path: "./s"}},
		{ID: "unix:2", Kind: model.Unix, Name: "run/t", Path: "run/t", Detail: &model.UnixDetail{Path: "run/t"}},
	}}
	if m, err := Find(s, "/run/app/s"); err != nil || len(m) != 1 || m[0].Object.ID != "unix:1" {
		t.Errorf("by the absolute path: %v, %v", m, err)
	}
	for ref, named := range map[string]bool{"/srv/run/t": true, "/srv/s": false} {
		_, err := Find(s, ref)
		if err == nil || strings.Contains(err.Error(), "unix:2 is bound to run/t") != named || strings.Contains(err.Error(), "unix:1") {
			t.Errorf("%s: %v", ref, err)
		}
	}
}
