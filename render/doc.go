// Package render turns a snapshot into text: tables, JSON, CSV, graphs and lists.
//
// It is pure: its inputs are a snapshot, options and an io.Writer. The width of the
// terminal, colours and the character set are options, so that every output can be
// tested as text. All text from other processes goes through [Escape] before a person
// sees it.
package render
