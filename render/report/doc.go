// Package report writes a snapshot as one HTML page to attach to an incident: the verdict
// with its chain as a picture, who communicates with whom, the tables, and of a recording
// what happened over time.
//
// The page is self-contained: it loads nothing, and a content security policy forbids it.
// The policy allows only the page's own style and script, by their hashes, so that a name
// can neither run nor load anything, whatever it contains. Names are also escaped: for HTML
// by html/template, and control characters as on a terminal. The page can be read without
// its script, which only sorts and filters tables.
package report
