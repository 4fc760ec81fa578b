package query

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/conf"
)

// spelling finds names in an expression that no field has.
type spelling struct {
	env    *environment
	root   *structType
	config *conf.Config
	locals []string
	err    error
}

func (s *spelling) check(n ast.Node) error {
	s.visit(n)
	return s.err
}

// visit walks the tree in the order of the text, so that the first mistake is reported.
func (s *spelling) visit(n ast.Node) {
	if s.err != nil || n == nil {
		return
	}
	switch n := n.(type) {
	case *ast.IdentifierNode:
		s.identifier(n)
	case *ast.MemberNode:
		s.visit(n.Node)
		s.visit(n.Property)
		s.member(n)
	case *ast.CallNode:
		if id, ok := n.Callee.(*ast.IdentifierNode); ok && s.err == nil {
			s.function(id.Value, id.Location().From)
		}
		for _, a := range n.Arguments {
			s.visit(a)
		}
	case *ast.BuiltinNode:
		if slices.Contains(byName, n.Name) {
			s.function(n.Name, n.Location().From)
		}
		for _, a := range n.Arguments {
			s.visit(a)
		}
	case *ast.VariableDeclaratorNode:
		s.visit(n.Value)
		s.locals = append(s.locals, n.Name)
		s.visit(n.Expr)
		s.locals = s.locals[:len(s.locals)-1]
	default:
		for _, c := range children(n) {
			s.visit(*c)
		}
	}
}

func (s *spelling) identifier(n *ast.IdentifierNode) {
	for _, l := range s.locals {
		if l == n.Value {
			return
		}
	}
	for _, name := range s.root.names {
		if name == n.Value {
			return
		}
	}
	s.unknown(n.Value, s.root, "", n.Location().From)
}

func (s *spelling) member(n *ast.MemberNode) {
	t := s.env.structAt(n.Node)
	if t == nil || s.err != nil {
		return
	}
	name, ok := n.Property.(*ast.StringNode)
	if !ok {
		s.err = fmt.Errorf("%s has fields with names: write it as .name, at column %d", n.Node, n.Location().From+1)
		return
	}
	for _, f := range t.names {
		if f == name.Value {
			return
		}
	}
	s.unknown(name.Value, t, n.Node.String()+".", name.Location().From)
}

func (s *spelling) function(called string, at int) {
	var names []string
	for name := range s.config.Builtins {
		names = append(names, name)
	}
	slices.Sort(names)
	msg := fmt.Sprintf("there is no function %q", called)
	if near := Closest(called, names); near != "" {
		msg += fmt.Sprintf(": did you mean %s?", near)
	}
	s.err = fmt.Errorf("%s, at column %d", msg, at+1)
}

func (s *spelling) unknown(name string, in *structType, path string, at int) {
	msg := fmt.Sprintf("there is no field %q", path+name)
	near := Closest(name, in.names)
	switch {
	case near != "":
		msg += fmt.Sprintf(": did you mean %s?", path+near)
	case in == s.root && s.inDetail(name):
		msg += fmt.Sprintf(": did you mean detail.%s?", name)
	default:
		msg += fmt.Sprintf(": there are %s", strings.Join(in.names, ", "))
	}
	s.err = fmt.Errorf("%s (column %d)", msg, at+1)
}

func (s *spelling) inDetail(name string) bool {
	d := s.env.made[typeDetail]
	if d == nil {
		return false
	}
	for _, f := range d.names {
		if f == name {
			return true
		}
	}
	return false
}

// structAt returns the struct that is the result of an expression, if it is one of ours.
func (e *environment) structAt(n ast.Node) *structType {
	t := n.Type()
	if t == nil {
		return nil
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return e.byType[t]
}

// children returns the direct children of n, in the order of the text.
func children(n ast.Node) []*ast.Node {
	some := func(list ...*ast.Node) []*ast.Node {
		out := list[:0]
		for _, c := range list {
			if *c != nil {
				out = append(out, c)
			}
		}
		return out
	}
	all := func(list []ast.Node) []*ast.Node {
		out := make([]*ast.Node, len(list))
		for i := range list {
			out[i] = &list[i]
		}
		return out
	}
	switch n := n.(type) {
	case *ast.UnaryNode:
		return some(&n.Node)
	case *ast.BinaryNode:
		return some(&n.Left, &n.Right)
	case *ast.ChainNode:
		return some(&n.Node)
	case *ast.MemberNode:
		return some(&n.Node, &n.Property)
	case *ast.SliceNode:
		return some(&n.Node, &n.From, &n.To)
	case *ast.CallNode:
		return append(some(&n.Callee), all(n.Arguments)...)
	case *ast.BuiltinNode:
		return all(n.Arguments)
	case *ast.PredicateNode:
		return some(&n.Node)
	case *ast.ConditionalNode:
		return some(&n.Cond, &n.Exp1, &n.Exp2)
	case *ast.VariableDeclaratorNode:
		return some(&n.Value, &n.Expr)
	case *ast.SequenceNode:
		return all(n.Nodes)
	case *ast.ArrayNode:
		return all(n.Nodes)
	case *ast.MapNode:
		return all(n.Pairs)
	case *ast.PairNode:
		return some(&n.Key, &n.Value)
	}
	return nil
}
