// Package model holds what ipctop knows about a machine at one time: the
// words of the tool (object, holder, peer, link, wait, finding, gap) as Go
// types, the ids that name them, and the JSON codec.
//
// There is no operating system in it: it reads no file and makes no system
// call, so that dumps and recordings can be read anywhere Go runs.
//
// The rule every type follows: a value that could not be read is absent, never
// zero. Numbers that may be unknown are [Opt]; text and lists are absent when
// empty, unless the field says otherwise; a nil list under a key that scripts
// rely on is written as [] only when somebody looked.
package model
