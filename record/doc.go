// Package record keeps snapshots in a file, one after the other, and finds out
// what changed between them.
//
// A recording is a sequence of zstd frames: a whole sample now and then, and
// between these the changes from each sample to the next. Every frame has checksums
// of its own, so that all samples before a truncated or damaged place can be
// read. docs/recording.md describes the format.
//
// This package does not depend on an operating system: it reads and writes what the
// caller opened, so recordings can be read anywhere Go runs.
package record
