// Package route finds the shortest way by which two processes communicate: through
// which objects, and by way of which processes.
//
// It goes by the links of a snapshot ([model.Link]) alone, reads no kernel file, needs
// no privilege and cannot fail: where processes are hidden there may be a shorter way,
// or one where none is found. It takes time and memory in proportion to the links.
package route
