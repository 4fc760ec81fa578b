// Package recordfile writes recordings (package record) to files, on Linux.
//
// One recorder at a time writes to a file: it holds an exclusive flock(2) of it.
// Every sample is on the disk (fsync) before Append returns. Trimming writes what
// is kept to a temporary name in the same directory and renames it, so that at any
// moment the name leads to one whole recording. Nothing needs a privilege beyond
// write access to the file and its directory; errors name the file.
package recordfile
