// Package probetest is what tests of readers need: a scan with some probes alone, an
// object of its result, the identity of a file. It is for tests only.
//
// It reads what the probes read, with the privilege of the test; a failure ends
// the test.
package probetest
