package bpf_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
)

// TestObjectsAreOfTheSources compiles the programs again. If another version of clang
// makes different bytes, its result must load.
func TestObjectsAreOfTheSources(t *testing.T) {
	out, err := exec.Command("clang", "--version").Output()
	if err != nil {
		t.Skip("no clang: ", err)
	}
	version := regexp.MustCompile(`clang version (\d+)`).FindSubmatch(out)
	if version == nil {
		t.Fatalf("clang --version says %q", out)
	}
	made, err := os.ReadFile("programs/clang.version")
	if err != nil {
		t.Fatal(err)
	}
	same := string(version[1]) == strings.TrimSpace(string(made))
	dir := t.TempDir()
	if out, err := exec.Command("../tools/bpf", dir).CombinedOutput(); err != nil {
		t.Fatalf("tools/bpf: %v\n%s", err, out)
	}
	objects, _ := filepath.Glob(filepath.Join(dir, "*.o"))
	committed, _ := filepath.Glob("programs/*.o")
	if len(objects) == 0 || len(objects) != len(committed) {
		t.Errorf("%d objects were made, %d are committed", len(objects), len(committed))
	}
	for _, path := range objects {
		object, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if same {
			if want, err := os.ReadFile(filepath.Join("programs", filepath.Base(path))); err != nil || !bytes.Equal(object, want) {
				t.Errorf("programs/%s is not what its source gives: make bpf (%v)", filepath.Base(path), err)
			}
			continue
		}
		open(t).Close() // or skip
		spec, err := ebpf.LoadCollectionSpecFromReader(bytes.NewReader(object))
		if err != nil {
			t.Fatal(err)
		}
		collection, err := ebpf.NewCollection(spec)
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(path), err)
			continue
		}
		collection.Close()
	}
}
