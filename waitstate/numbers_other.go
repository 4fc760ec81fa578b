//go:build !amd64 && !arm64

package waitstate

// callNames are the calls in which threads block, by their numbers.
var callNames = map[int]string{}

// decodable reports whether the calls of this architecture are known.
const decodable = false
