// Package metrics counts what a snapshot holds, for databases of time series: it
// is the one place that names ipctop's metrics, after Prometheus' conventions
// (base units, seconds and bytes; a unit at the end of a name). [Of] makes the
// families of a snapshot; package render writes them as text for check -o
// openmetrics, and package exporter serves them.
//
// The number of series is bounded. No label contains a pid or a command: series that come
// and go with every process would fill the database. Of objects with names, the largest
// have samples of their own and the rest is added up (see [Options].Names); digits in
// paths, which are mostly pids, become an asterisk (see [Name]). Unknown values have no
// sample, and what was not measured has no family.
//
// The package reads no kernel file, needs no privilege and cannot fail: it uses only
// the snapshot.
package metrics
