// Package model holds what ipctop knows about a machine at one time: the
// words of the tool (object, holder, peer, link, wait, finding, gap) as Go
// types, the ids that name them, and the JSON codec.
//
// It does not depend on an operating system: it reads no file and makes no system
// call, so that dumps and recordings can be read anywhere Go runs.
//
// Every type follows one rule: a value that could not be read is absent, never
// zero. Numbers that may be unknown are [Opt]; text and lists are absent when
// empty, unless the field says otherwise. A list under a key that scripts rely on is
// written as [] only if something was read for it; nil means that nothing was.
package model
