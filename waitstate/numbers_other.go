//go:build !amd64 && !arm64

package waitstate

// callNames are the calls that threads block in, by their numbers.
var callNames = map[int]string{}

// decodable says that the calls of this architecture are known.
const decodable = false
