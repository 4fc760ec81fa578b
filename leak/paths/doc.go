// Package paths finds FIFOs and socket paths that a command left behind: it lists
// some directories before and after.
//
// The names come from directory listings and their inodes from lstat(2). Other file
// systems mounted below are skipped (/proc/self/mounts). A listing is limited in time
// and in entries, and a gap says in words what was not listed. No privilege is needed;
// directories without read permission are skipped.
package paths
