// Package tui puts the live view on a terminal. It is the only importer of
// tcell.
//
// Package live decides what is shown and what keys do. This package has the goroutines
// around it: one scans, one reads the terminal, one does each piece of the model's longer
// work. Only the main loop uses the screen and the model. All others report to it and
// never draw, so drawing never waits for a scan.
//
// The terminal is restored whatever ends the view: keys, SIGTERM, SIGHUP, SIGINT, or a
// panic in any of the goroutines here. It is also restored while the view is stopped by
// Ctrl-Z.
package tui
