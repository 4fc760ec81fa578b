//go:build !amd64 && !arm64

package sysv

// On other architectures the structures differ, or the calls are multiplexed
// (ipc(2)): there the text is read.
var msgListing, semListing, shmListing *listing
