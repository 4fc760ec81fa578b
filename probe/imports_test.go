package probe_test

import (
	"flag"
	"fmt"
	"go/doc"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/ipctop/ipctop/"

// readers may import the packages that a scan is built from.
var readers = []string{"model", "guard", "proc", "kcmp", "probe"}

// mayImport is the layering: which packages of ipctop each package may import.
// A package that is not here may not exist.
var mayImport = map[string][]string{
	"model":             {},
	"model/modeltest":   {"model"},
	"guard":             {},
	"privilege":         {},
	"bpf":               {"privilege"},
	"traffic":           {"model", "bpf"},
	"proc":              {"model"},
	"kcmp":              {"model", "guard"},
	"container":         {"model", "guard", "proc"},
	"trace":             {"model"},
	"trace/tracer":      {"bpf", "container", "guard", "model", "proc", "trace", "waitstate"},
	"doctor":            {"model", "bpf", "container", "guard", "kcmp", "proc"},
	"probe":             {"model", "bpf", "container", "guard", "kcmp", "privilege", "proc"},
	"probe/probetest":   {"model", "probe", "proc"},
	"fdscan/fdinfo":     {"proc"},
	"fdscan/pipes":      append(readers, "privilege"),
	"fdscan/sockets":    readers,
	"fdscan/events":     append(readers, "fdscan/fdinfo", "fdscan/pipes", "fdscan/sockets"),
	"fdscan/memory":     readers,
	"fdscan/files":      append(readers, "fdscan/fdinfo"),
	"fdscan":            append(readers, "fdscan/fdinfo", "fdscan/pipes", "fdscan/sockets", "fdscan/events", "fdscan/memory", "fdscan/files"),
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
	"record/recordfile": {"model", "privilege", "record"},
	"query":             {"model"},
	"remediate":         {"model", "privilege"},
	"metrics":           {"model", "diagnose"},
	"exporter":          {"model", "metrics"},
	"route":             {"model"},
	"fleet":             {"model"},
	"render":            {"model", "diagnose", "diagnose/graph", "metrics", "query", "record", "route", "leak", "trace"},
	"render/live":       {"model", "diagnose", "query", "record", "render", "trace"},
	"render/report":     {"model", "diagnose/graph", "render"},
	"render/tui":        {"model", "render", "render/live", "trace"},
	"testfixtures":      {"model", "privilege"},
	"cmd/ipctop":        nil, // puts everything together
}

// pure packages read dumps and recordings on any system: no I/O, no Linux.
var pure = []string{"model", "query", "render", "render/live", "render/report", "metrics", "route", "fleet", "diagnose", "diagnose/graph", "record", "leak", "corefile", "postmortem", "trace"}

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
	for name := range mayImport {
		if !seen[name] {
			t.Errorf("package %s is in the layering and does not exist", name)
		}
	}
	if packages < 4 {
		t.Fatalf("only %d packages were looked at", packages)
	}
}

var update = flag.Bool("update", false, "rewrite the table of packages in CONTRIBUTING.md")

// The table of packages in CONTRIBUTING.md is made from the layering and the first
// sentence of each doc.go.
func TestLayerTable(t *testing.T) {
	const file, begin, end = "../CONTRIBUTING.md", "<!-- packages: made by make golden -->\n", "<!-- end of packages -->\n"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no table of packages", file)
	}
	want := before + begin + layerTable(t) + end + after
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if want != string(text) {
		t.Errorf("the table of packages in %s does not fit the layering any more; after a change that is meant: make golden", file)
	}
}

func layerTable(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("| package | what it is | may import |\n| --- | --- | --- |\n")
	for _, name := range slices.Sorted(maps.Keys(mayImport)) {
		source := filepath.Join("..", name, "doc.go")
		if name == "cmd/ipctop" {
			source = filepath.Join("..", name, "main.go")
		}
		file, err := parser.ParseFile(token.NewFileSet(), source, nil, parser.ParseComments|parser.PackageClauseOnly)
		if err != nil {
			t.Fatal(err)
		}
		_, what, _ := strings.Cut(new(doc.Package).Synopsis(file.Doc.Text()), " ") // "Package" or "Command"
		_, what, _ = strings.Cut(what, " ")                                        // its name
		imports := "nothing"
		switch allowed := mayImport[name]; {
		case allowed == nil:
			imports = "all"
		case len(allowed) > 0:
			imports = "`" + strings.Join(slices.Sorted(slices.Values(allowed)), "` `") + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", name, strings.TrimSuffix(what, "."), imports)
	}
	return b.String()
}
