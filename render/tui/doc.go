// Package tui puts the live view on a terminal. It is the only importer of
// tcell.
//
// What is shown and what keys do is decided in package live. Here are the
// goroutines around it: one scans, one reads the terminal, one does each piece of
// the model's longer work, and the main loop alone owns the screen and the model. All of
// them report to the main loop; nothing else ever draws, so drawing never waits
// for a scan.
//
// The terminal is restored whatever ends the view: keys, SIGTERM, SIGHUP,
// SIGINT, a panic in any of the goroutines here, and while it is stopped by
// Ctrl-Z.
package tui
