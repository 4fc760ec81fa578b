package probe_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/ipctop/ipctop/"

// readers may import what a scan is made of.
var readers = []string{"model", "guard", "proc", "kcmp", "probe"}

// mayImport is the layering: which packages of ipctop each package may import.
// A package that is not here may not exist.
var mayImport = map[string][]string{
	"model":             {},
	"model/modeltest":   {"model"},
	"guard":             {},
	"proc":              {"model"},
	"kcmp":              {"model", "guard"},
	"container":         {"model", "guard", "proc"},
	"doctor":            {"model", "container", "guard", "kcmp", "proc"},
	"probe":             {"model", "container", "guard", "kcmp", "proc"},
	"probe/probetest":   {"model", "probe"},
	"fdscan/fdinfo":     {"proc"},
	"fdscan/pipes":      readers,
	"fdscan/sockets":    readers,
	"fdscan/events":     append(readers, "fdscan/fdinfo", "fdscan/pipes", "fdscan/sockets"),
	"fdscan/memory":     readers,
	"fdscan/files":      append(readers, "fdscan/fdinfo"),
	"fdscan":            append(readers, "fdscan/pipes", "fdscan/sockets", "fdscan/events", "fdscan/memory", "fdscan/files"),
	"filelock":          readers,
	"sysv":              readers,
	"posix":             readers,
	"sigstate":          readers,
	"waitstate":         append(readers, "waitstate/pthread"),
	"waitstate/pthread": readers,
	"diagnose":          {"model", "diagnose/graph"},
	"diagnose/graph":    {"model"},
	"record":            {"model"},
	"corefile":          {"model"},
	"leak":              {"model"},
	"leak/paths":        {"model", "leak"},
	"leak/processtree":  {"leak"},
	"leak/runner":       {"model", "leak", "leak/paths", "leak/processtree"},
	"postmortem":        {"model", "corefile", "record", "render"},
	"record/recordfile": {"model", "record"},
	"query":             {"model"},
	"remediate":         {"model"},
	"render":            {"model", "diagnose", "diagnose/graph", "query", "record", "leak"},
	"render/live":       {"model", "diagnose", "query", "record", "render"},
	"render/tui":        {"model", "render", "render/live"},
	"testfixtures":      {"model"},
	"cmd/ipctop":        nil, // puts everything together
}

// pure packages read dumps and recordings on any system: no I/O, no Linux.
var pure = []string{"model", "query", "render", "render/live", "diagnose", "diagnose/graph", "record", "leak", "corefile", "postmortem"}

// ioPackages may not be imported by pure packages. io alone is an interface.
var ioPackages = []string{"os", "os/exec", "os/user", "net", "syscall", "golang.org/x/sys/unix", "path/filepath"}

func TestImportRules(t *testing.T) {
	packages := 0
	seen := map[string]bool{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && d.Name() != "..") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") {
			return nil
		}
		name := filepath.ToSlash(filepath.Dir(strings.TrimPrefix(path, "../")))
		if name == "tools" || strings.HasPrefix(name, "tools/") {
			return nil
		}
		allowed, ok := mayImport[name]
		if !ok {
			t.Errorf("%s: package %s is not in the layering", path, name)
		}
		if !seen[name] {
			seen[name] = true
			packages++
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), "doc.go")); err != nil && name != "cmd/ipctop" {
				t.Errorf("package %s has no doc.go", name)
			}
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		test := strings.HasSuffix(path, "_test.go")
		for _, spec := range file.Imports {
			imported, _ := strconv.Unquote(spec.Path.Value)
			if own, ok := strings.CutPrefix(imported, module); ok && name != "cmd/ipctop" && !test && !slices.Contains(allowed, own) {
				t.Errorf("%s: %s may not import %s", path, name, own)
			}
			if strings.HasPrefix(imported, module) && strings.HasSuffix(imported, "test") && !test {
				t.Errorf("%s: %s is for tests only", path, imported)
			}
			if strings.HasPrefix(imported, "github.com/gdamore/tcell") && name != "render/tui" {
				t.Errorf("%s: only render/tui may import tcell", path)
			}
			if slices.Contains(pure, name) && !test && slices.Contains(ioPackages, imported) {
				t.Errorf("%s: %s does no I/O and may not import %s", path, name, imported)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if packages < 4 {
		t.Fatalf("only %d packages were looked at", packages)
	}
}
