// Package record keeps snapshots in a file, one after the other, and finds out
// what changed between them.
//
// A recording is a sequence of zstd frames: a whole sample now and then, and
// between these what changed from each sample to the next. Every frame has
// checksums of its own, so that a file that was cut off or damaged gives all
// samples up to that place. docs/recording.md describes the format.
//
// There is no operating system in this package: it reads and writes what the
// caller opened, and so recordings can be read anywhere Go runs.
package record
