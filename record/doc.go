// Package record stores successive snapshots in a file, and finds the changes
// between them.
//
// A recording is a sequence of zstd frames: a complete sample now and then, and
// between these the changes from each sample to the next. Every frame has its own
// checksums, so all samples before a truncated or damaged place can be
// read. docs/recording.md describes the format.
//
// This package does not depend on an operating system: it reads and writes what the
// caller opened, so recordings can be read anywhere Go runs.
package record
