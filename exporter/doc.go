// Package exporter serves the metrics of package metrics over HTTP, for Prometheus and
// programs that read its formats: /metrics, /healthz, and nothing else.
//
// A scrape is a scan. Only one scan runs at a time, and no two begin within
// [Options].MinInterval: a scrape before that gets the result of the last one, so that any
// number of scrapers cost what one costs. TLS and basic authentication are those of
// Prometheus' exporter toolkit; connections and requests are bounded.
//
// The package needs no privilege, and reads no kernel files except those that the client
// library reads of its own process (/proc/self/stat, /proc/self/limits): the caller makes the
// snapshots. A scan that fails is an HTTP error, so that the metric "up" becomes 0. A listener
// that cannot be opened, or a bad file with certificates, ends [Serve] with an error.
package exporter
