// Package exporter serves what package metrics counts over HTTP, for Prometheus
// and whatever reads its formats: /metrics, /healthz, and nothing else.
//
// A scrape is a scan. Scans follow one another, and no two begin within
// [Options].MinInterval: those who ask meanwhile get the result of the last one, so
// that any number of scrapers cost what one costs. TLS and basic authentication are
// those of Prometheus' exporter toolkit; connections and requests are bounded.
//
// The package reads no kernel file apart from what the client library reads of its
// own process (/proc/self/stat, /proc/self/limits) and needs no privilege: the
// snapshots are made by its caller. A scan that fails is an HTTP error, so that up
// becomes 0; a listener that cannot be opened, or a bad file with certificates, ends
// [Serve] with an error.
package exporter
