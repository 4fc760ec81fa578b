// Package render turns a snapshot into text: tables, JSON, CSV, graphs and lists.
//
// It is pure: a snapshot, options and an io.Writer go in; the width of the
// terminal, colours and the character set are options, so that every output can
// be tested as text. Whatever comes from another process goes through [Escape]
// on its way to a person.
package render
