// Package modeltest has a snapshot for tests with awkward content: most kinds,
// hostile names, unknown values and closed ends.
package modeltest
