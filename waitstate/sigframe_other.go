//go:build !amd64 && !arm64

package waitstate

// handlerFrame: the frames of no other architecture are known.
var handlerFrame *frameLayout
