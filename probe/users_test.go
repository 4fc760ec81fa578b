package probe

import (
	"maps"
	"os"
	"path/filepath"
	"testing"
)

func TestParseUsers(t *testing.T) {
	got := parseUsers([]byte("root:x:0:0:root:/root:/bin/sh\ntoor:x:0:0::/root:/bin/sh\n# web:x:9:9::/:/bin/sh\n+nis:x:10:10::/:/bin/sh\n" +
		"web:x:16:16::/srv:/bin/false\nbig:x:2147483647:1::/:/bin/sh\nbad\nbad:x:y:1\n:x:255:1::/:\nneg:x:-1:1::/:\nlast:x:255:1::/:/bin/sh"))
	want := map[int]string{0: "root", 16: "web", 2147483647: "big", 255: "last"}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func FuzzParseUsers(f *testing.F) {
	f.Add([]byte("root:x:0:0:root:/root:/bin/sh\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for uid, name := range parseUsers(b) {
			if uid < 0 || name == "" {
				t.Errorf("%d is %q", uid, name)
			}
		}
	})
}

// A user that is created between two scans has a name in the second one.
func TestUsersChange(t *testing.T) {
	path := filepath.Join(t.TempDir(), "passwd")
	var u userNames
	u.refresh(path)
	if got := u.name(16); got != "" {
		t.Errorf("without a file: %q", got)
	}
	for _, text := range []string{"web:x:16:16::/:/bin/sh\n", "shop:x:16:16::/:/bin/sh\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		u.refresh(path)
		if got, want := u.name(16), text[:len(text)-len(":x:16:16::/:/bin/sh\n")]; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
