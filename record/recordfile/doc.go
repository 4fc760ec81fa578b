// Package recordfile writes recordings (package record) to files, on Linux.
//
// Only one recorder at a time writes to a file: it holds an exclusive flock(2) on it.
// Every sample is on the disk (fsync) before Append returns. Trimming writes the
// samples to keep to a temporary file in the same directory and renames it, so that at
// any moment the name refers to a complete recording. No privilege is needed beyond
// write access to the file and its directory; errors name the file.
package recordfile
