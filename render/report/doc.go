// Package report writes a snapshot as one HTML page to attach to an incident: the verdict
// with its chain as a picture, who communicates with whom, the tables, and of a recording
// what happened over time.
//
// The page is complete in itself: it loads nothing, and a content security policy forbids
// it to. Its own style and script are allowed by their hashes, so that whatever a name
// contains can neither run nor load anything; names are escaped besides, for HTML by
// html/template and control characters as on a terminal. Without its script the page can be
// read all the same: the script sorts and filters tables.
package report
