//go:build !amd64

package waitstate

// findHandlerFrame knows the frames of no other architecture.
func findHandlerFrame([]byte, uint64, uint64, uint64) (signal int, found bool) { return 0, false }
