// Package metrics counts what a snapshot holds, for databases of time series: it
// is the one place that names ipctop's metrics, after Prometheus' conventions
// (base units, seconds and bytes; a unit at the end of a name). [Of] makes the
// families of a snapshot; package render writes them as text for check -o
// openmetrics, and package exporter serves them.
//
// Everything is bounded. No label holds a pid or a command: what comes and goes
// with every process would fill the database. Where things have names, the largest
// have samples of their own and the rest is added up (see [Options].Names); digits in
// paths, which are mostly pids, become an asterisk (see [Name]). What is unknown has
// no sample, and what was not looked for has no family.
//
// The package reads no kernel file, needs no privilege and cannot fail: it sees the
// snapshot alone.
package metrics
