package query

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker"
	"github.com/expr-lang/expr/compiler"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"
)

// Where is a compiled expression over the JSON fields of a T: a [model.Object],
// [model.Finding], [model.Process] or any other record.
//
// The language is expr (expr-lang.org), extended by a treatment of unknown values. A
// field that is absent has no value, so a comparison with it is neither true nor false,
// and neither is its negation: `detail.queued > 5` and `!(detail.queued > 5)` both leave
// out a pipe whose fill level could not be read. If the rest of the expression decides,
// that counts: `kind == "unix" || detail.queued > 5` keeps every UNIX socket. Records
// that are left out because of an unknown value are counted; see [Where.LeftOut]. An
// object whose kind does not have the field at all is left out without being counted.
// `field == nil` asks whether a field is unknown, and `field ?? 0` gives it a value.
//
// A Where must be used by one goroutine only.
type Where[T any] struct {
	env     *environment
	root    *structType
	row     reflect.Value // the current record as the programs see it
	rowPtr  any
	yes, no *vm.Program // no is nil if nothing unknown can occur
	vm      vm.VM

	unknown map[string]int
	failed  int
	failure error
}

// LeftOut says how many records an expression left out because a value was unknown.
type LeftOut struct {
	Count  int
	Reason string // such as "detail.queued is unknown"
	what   string
}

// String is a sentence for standard error.
func (l LeftOut) String() string {
	what, verb := l.what+"s", "were"
	if l.Count == 1 {
		what, verb = l.what, "was"
	} else if strings.HasSuffix(l.what, "s") {
		what = l.what + "es"
	}
	return fmt.Sprintf("%d %s %s left out because %s", l.Count, what, verb, l.Reason)
}

// CompileWhere compiles an expression. The error is one line and says what is wrong; for
// a misspelt field it suggests the most similar one.
func CompileWhere[T any](expression string) (w *Where[T], err error) {
	defer func() {
		if p := recover(); p != nil {
			w, err = nil, fmt.Errorf("cannot understand %q: %v", expression, p)
		}
	}()
	if strings.TrimSpace(expression) == "" {
		return nil, errors.New("the expression is empty")
	}
	t := reflect.TypeFor[T]()
	full := newEnvironment(nil)
	root := full.structOf(t)
	config := newConfig(root)
	tree, err := parser.ParseWithConfig(expression, config)
	if err != nil {
		return nil, oneLine(err, nil)
	}
	_, err = checker.Check(tree, config)
	if misspelt := (&spelling{env: full, root: root, config: config}).check(tree.Node); misspelt != nil {
		return nil, misspelt
	}
	if err != nil {
		return nil, oneLine(err, full)
	}
	r := rewriter{env: full, root: root, needs: map[need]bool{}}
	tree.Node = r.prepare(tree.Node)
	yes, no := r.yes(tree.Node), ast.Node(nil)
	if r.known(tree.Node) != nil {
		no = r.no(tree.Node)
	}
	if r.err != nil {
		return nil, r.err
	}

	w = &Where[T]{env: newEnvironment(r.needs), unknown: map[string]int{}}
	w.root = w.env.structOf(t)
	w.row = reflect.New(w.root.typ).Elem()
	w.rowPtr = w.row.Addr().Interface()
	if w.yes, err = compile(yes, tree.Source, w.root); err != nil {
		return nil, err
	}
	if no != nil {
		if w.no, err = compile(no, tree.Source, w.root); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// byName are the builtins that access fields by computed names. They are disabled, because
// it would not be known which fields they need.
var byName = []string{"get", "keys", "values", "toJSON", "fromJSON", "toPairs", "fromPairs"}

// newConfig is expr's configuration for a root struct.
func newConfig(root *structType) *conf.Config {
	c := conf.New(reflect.New(root.typ).Interface())
	c.Expect = reflect.Bool
	c.MaxNodes = maxNodes
	for _, name := range byName {
		delete(c.Builtins, name)
	}
	return c
}

const maxNodes = 2000

func compile(n ast.Node, source file.Source, root *structType) (*vm.Program, error) {
	tree := &parser.Tree{Node: n, Source: source}
	config := newConfig(root)
	if _, err := checker.Check(tree, config); err != nil {
		return nil, oneLine(err, nil)
	}
	p, err := compiler.Compile(tree, config)
	if err != nil {
		return nil, oneLine(err, nil)
	}
	return p, nil
}

// Match reports whether the expression holds for a record.
func (w *Where[T]) Match(record *T) bool {
	src := reflect.ValueOf(record).Elem()
	w.root.fill(w.row, src)
	if w.holds(w.yes) {
		return true
	}
	if w.no == nil || w.holds(w.no) {
		return false
	}
	if names := w.root.unknownIn(w.env, w.row, src, "", nil); len(names) > 0 {
		w.unknown[reason(names)]++
	}
	return false
}

func reason(names []string) string {
	verb := " is unknown"
	if len(names) > 1 {
		verb = " are unknown"
	}
	return strings.Join(names, " and ") + verb
}

func (w *Where[T]) holds(p *vm.Program) bool {
	out, err := w.vm.Run(p, w.rowPtr)
	if err != nil {
		if p == w.yes {
			w.failed++
			if w.failure == nil {
				w.failure = oneLine(err, nil)
			}
		}
		return false
	}
	b, _ := out.(bool)
	return b
}

// LeftOut lists how many records were left out since the expression was compiled, and why,
// in a stable order.
func (w *Where[T]) LeftOut() []LeftOut {
	var list []LeftOut
	what := strings.ToLower(w.root.owner.Name())
	for reason, n := range w.unknown {
		list = append(list, LeftOut{n, reason, what})
	}
	if w.failed > 0 {
		list = append(list, LeftOut{w.failed, "the expression does not fit: " + w.failure.Error(), what})
	}
	slices.SortFunc(list, func(a, b LeftOut) int {
		if a.Count != b.Count {
			return b.Count - a.Count
		}
		return strings.Compare(a.Reason, b.Reason)
	})
	return list
}

// oneLine turns an error of expr into one line, with the column and without Go types.
func oneLine(err error, env *environment) error {
	var fe *file.Error
	if !errors.As(err, &fe) {
		line, _, _ := strings.Cut(err.Error(), "\n")
		return errors.New(line)
	}
	message, _, _ := strings.Cut(fe.Message, "\n")
	if env != nil {
		types := slices.Collect(maps.Keys(env.byType))
		// the outer types first: their names contain those of the inner ones
		slices.SortFunc(types, func(a, b reflect.Type) int { return len(b.String()) - len(a.String()) })
		for _, t := range types {
			message = strings.ReplaceAll(message, t.String(), env.byType[t].owner.Name())
		}
	}
	return fmt.Errorf("%s, at column %d", message, fe.Column+1)
}
