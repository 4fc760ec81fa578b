// Package route finds the shortest way by which two processes communicate: through
// which objects, and by way of which processes.
//
// It uses only the links of a snapshot ([model.Link]), reads no kernel file, needs no
// privilege and cannot fail. If processes are hidden, there may be a shorter way, or a
// way although none is found. Time and memory are proportional to the number of links.
package route
