//go:build !amd64 && !arm64

package waitstate

// handlerFrame is nil: the frame layout of this architecture is not known.
var handlerFrame *frameLayout
