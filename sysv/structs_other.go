//go:build !amd64 && !arm64

package sysv

// Elsewhere the structures differ, or the calls are multiplexed (ipc(2)): there
// is the text.
var msgListing, semListing, shmListing *listing
