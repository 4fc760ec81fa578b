// Package query understands what a user types to choose among the things of a
// snapshot: references that name one, expressions and selections that keep
// some, and what must not leave the machine.
//
// It works only on a [model.Snapshot]: it reads no files and makes no system calls.
package query
