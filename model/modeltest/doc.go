// Package modeltest has a snapshot for tests that holds what is awkward: every
// kind, hostile names, unknown values and ends that are closed.
package modeltest
