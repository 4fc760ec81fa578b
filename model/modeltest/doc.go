// Package modeltest has a snapshot for tests that holds what is awkward: most
// kinds, hostile names, unknown values and ends that are closed.
package modeltest
