package query

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/expr-lang/expr/ast"
)

// rewriter turns one expression into two: yes, which is true where the
// expression is certainly true, and no, which is true where it is certainly
// false. Where neither is, it depends on something unknown. This is Kleene's
// three-valued logic without a third value, so that expr's own compiler and
// machine can be used as they are.
//
// A new tree shares nodes with the old one. Only the checker changes them afterwards,
// and it writes the same types into them each time.
type rewriter struct {
	env   *environment
	root  *structType
	needs map[need]bool
	made  int
	err   error
}

// prepare replaces the operators that turn unknown into known: `x == nil` asks whether x
// is unknown, `x ?? y` gives it a value. It records which fields are needed.
func (r *rewriter) prepare(n ast.Node) ast.Node {
	for _, c := range children(n) {
		*c = r.prepare(*c)
	}
	switch n := n.(type) {
	case *ast.ChainNode:
		return n.Node
	case *ast.IdentifierNode:
		r.want(r.root, n.Value)
	case *ast.MemberNode:
		if s := r.env.structAt(n.Node); s != nil {
			r.want(s, n.Property.(*ast.StringNode).Value)
		}
		n.Optional = false
	case *ast.BinaryNode:
		return r.prepareBinary(n)
	}
	return n
}

func (r *rewriter) prepareBinary(n *ast.BinaryNode) ast.Node {
	switch n.Operator {
	case "??":
		known := r.known(n.Left)
		if known == nil {
			return n.Left
		}
		return typed(&ast.ConditionalNode{Cond: known, Exp1: n.Left, Exp2: n.Right}, n)
	case "==", "!=":
		operand := n.Left
		switch {
		case isNil(n.Right):
		case isNil(n.Left):
			operand = n.Right
		case r.env.structAt(n.Left) != nil, r.env.structAt(n.Right) != nil:
			r.fail("compare one of its fields: %s", n)
			return n
		default:
			return n
		}
		known := r.known(operand)
		if known == nil {
			known = &ast.BoolNode{Value: true}
		}
		if n.Operator == "!=" {
			return typed(known, n)
		}
		return typed(&ast.UnaryNode{Operator: "!", Node: known}, n)
	case "in":
		if r.env.structAt(n.Left) != nil {
			r.fail("look for one of its fields: %s", n)
		}
	}
	return n
}

func typed(n, like ast.Node) ast.Node {
	n.SetType(like.Type())
	n.SetLocation(like.Location())
	return n
}

func isNil(n ast.Node) bool { _, ok := n.(*ast.NilNode); return ok }

func (r *rewriter) want(s *structType, name string) { r.needs[need{s.owner, name}] = true }

func (r *rewriter) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}

// grow guards against expressions that become huge: each nested condition doubles the
// size.
func (r *rewriter) grow() bool {
	r.made++
	if r.made > 10*maxNodes && r.err == nil {
		r.err = errors.New("the expression is too complicated")
	}
	return r.err == nil
}

// yes is true where n, a boolean, is certainly true.
func (r *rewriter) yes(n ast.Node) ast.Node { return r.truth(n, true) }

// no is true where n, a boolean, is certainly false.
func (r *rewriter) no(n ast.Node) ast.Node { return r.truth(n, false) }

func (r *rewriter) truth(n ast.Node, want bool) ast.Node {
	if !r.grow() {
		return n
	}
	switch n := n.(type) {
	case *ast.UnaryNode:
		if n.Operator == "!" || n.Operator == "not" {
			return r.truth(n.Node, !want)
		}
	case *ast.BinaryNode:
		switch n.Operator {
		case "&&", "and", "||", "or":
			// De Morgan: an "or" is certainly false where both sides are.
			or := n.Operator == "||" || n.Operator == "or"
			op := "&&"
			if or == want {
				op = "||"
			}
			return binary(op, r.truth(n.Left, want), r.truth(n.Right, want))
		}
	case *ast.ConditionalNode:
		first := binary("&&", r.yes(n.Cond), r.truth(n.Exp1, want))
		second := binary("&&", r.no(n.Cond), r.truth(n.Exp2, want))
		return binary("||", first, second)
	case *ast.VariableDeclaratorNode:
		let := &ast.VariableDeclaratorNode{Name: n.Name, Value: n.Value, Expr: r.truth(n.Expr, want)}
		return and(r.known(n.Value), let)
	case *ast.BuiltinNode:
		if t := r.quantifier(n, want); t != nil {
			return t
		}
	}
	if want {
		return and(r.known(n), n)
	}
	return and(r.known(n), &ast.UnaryNode{Operator: "!", Node: n})
}

// quantifier is truth for any, all and none: "any" is certainly true if the predicate is
// certainly true for one element, and certainly false if it is certainly false for all.
func (r *rewriter) quantifier(n *ast.BuiltinNode, want bool) ast.Node {
	if len(n.Arguments) != 2 {
		return nil
	}
	predicate, ok := n.Arguments[1].(*ast.PredicateNode)
	if !ok {
		return nil
	}
	name := n.Name
	holds := want // the truth that the predicate must have
	switch {
	case name == "any" && want, name == "all" && !want:
		name = "any"
	case name == "any" && !want, name == "all" && want:
		name = "all"
	case name == "none" && want:
		name, holds = "all", false
	case name == "none":
		name, holds = "any", true
	default:
		return nil
	}
	return and(r.known(n.Arguments[0]), quantify(name, n.Arguments[0], r.truth(predicate.Node, holds)))
}

func quantify(name string, list, predicate ast.Node) ast.Node {
	return &ast.BuiltinNode{Name: name, Arguments: []ast.Node{list, &ast.PredicateNode{Node: predicate}}}
}

func binary(op string, l, r ast.Node) ast.Node {
	return &ast.BinaryNode{Operator: op, Left: l, Right: r}
}

// and joins conditions with &&; nil stands for one that is always true.
func and(list ...ast.Node) ast.Node {
	var out ast.Node
	for _, n := range list {
		switch {
		case n == nil:
		case out == nil:
			out = n
		default:
			out = binary("&&", out, n)
		}
	}
	return out
}

// known returns an expression that is true if the value of n is known; nil means always.
func (r *rewriter) known(n ast.Node) ast.Node {
	if !r.grow() {
		return nil
	}
	switch n := n.(type) {
	case *ast.IdentifierNode:
		if optional(r.root, n.Value) {
			r.want(r.root, n.Value)
			return &ast.IdentifierNode{Value: n.Value + flagSuffix}
		}
		return nil
	case *ast.MemberNode:
		return r.memberKnown(n)
	case *ast.ConditionalNode:
		a, b := r.known(n.Exp1), r.known(n.Exp2)
		if a == nil && b == nil {
			return r.known(n.Cond)
		}
		return and(r.known(n.Cond), &ast.ConditionalNode{Cond: n.Cond, Exp1: orTrue(a), Exp2: orTrue(b)})
	case *ast.VariableDeclaratorNode:
		body := r.known(n.Expr)
		if body != nil {
			body = &ast.VariableDeclaratorNode{Name: n.Name, Value: n.Value, Expr: body}
		}
		return and(r.known(n.Value), body)
	case *ast.BinaryNode:
		switch n.Operator {
		case "&&", "and", "||", "or":
			return r.decided(n, n.Left, n.Right)
		}
	case *ast.BuiltinNode:
		return r.builtinKnown(n)
	case *ast.PredicateNode:
		return r.known(n.Node)
	}
	var all ast.Node
	for _, c := range children(n) {
		all = and(all, r.known(*c))
	}
	return all
}

// decided returns an expression that is true if a boolean is certainly true or certainly
// false; nil if none of its parts can be unknown.
func (r *rewriter) decided(n ast.Node, parts ...ast.Node) ast.Node {
	for _, p := range parts {
		if r.known(p) != nil {
			return binary("||", r.yes(n), r.no(n))
		}
	}
	return nil
}

func orTrue(n ast.Node) ast.Node {
	if n == nil {
		return &ast.BoolNode{Value: true}
	}
	return n
}

func optional(s *structType, name string) bool {
	for i := range s.fields {
		if s.fields[i].name == name {
			return s.fields[i].known >= 0
		}
	}
	return false
}

func (r *rewriter) memberKnown(n *ast.MemberNode) ast.Node {
	base := r.known(n.Node)
	if s := r.env.structAt(n.Node); s != nil {
		name := n.Property.(*ast.StringNode).Value
		if !optional(s, name) {
			return base
		}
		r.want(s, name)
		return and(base, &ast.MemberNode{Node: n.Node, Property: &ast.StringNode{Value: name + flagSuffix}})
	}
	t := n.Node.Type()
	if t == nil {
		return and(base, r.known(n.Property))
	}
	switch t.Kind() {
	case reflect.Map: // a key that is not there
		return and(base, r.known(n.Property), binary("in", n.Property, n.Node))
	case reflect.Slice: // an index out of range
		size := &ast.BuiltinNode{Name: "len", Arguments: []ast.Node{n.Node}}
		return and(base, r.known(n.Property), binary("<", n.Property, size),
			binary(">=", n.Property, &ast.UnaryNode{Operator: "-", Node: size}))
	}
	return and(base, r.known(n.Property))
}

// builtinKnown returns an expression that is true if a builtin's value is known: its
// arguments are known, its predicate is known for every element, and there is something
// to find.
func (r *rewriter) builtinKnown(n *ast.BuiltinNode) ast.Node {
	var out, predicate ast.Node
	for _, a := range n.Arguments {
		if p, ok := a.(*ast.PredicateNode); ok {
			predicate = p.Node
			continue
		}
		out = and(out, r.known(a))
	}
	if len(n.Arguments) == 0 {
		return out
	}
	list := n.Arguments[0]
	switch n.Name {
	case "any", "all", "none":
		return r.decided(n, n.Arguments...)
	case "first", "last", "min", "max", "mean", "median":
		if t := list.Type(); t != nil && t.Kind() == reflect.Slice {
			out = and(out, binary(">", &ast.BuiltinNode{Name: "len", Arguments: []ast.Node{list}}, &ast.IntegerNode{}))
		}
	}
	if predicate == nil {
		return out
	}
	if k := r.known(predicate); k != nil {
		out = and(out, quantify("all", list, k))
	}
	if n.Name == "find" || n.Name == "findLast" {
		out = and(out, quantify("any", list, predicate))
	}
	return out
}
