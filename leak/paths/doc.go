// Package paths finds FIFOs and socket paths that a command left behind: it lists
// some directories before and after.
//
// The names come from directory listings and their inodes from lstat(2); other
// file systems mounted below are left out (/proc/self/mounts). A listing is bounded in
// time and in entries, and what was not listed is a gap in words. No privilege is
// needed; directories that may not be read are left out.
package paths
