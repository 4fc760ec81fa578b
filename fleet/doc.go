// Package fleet merges the snapshots of several hosts into one: pids, ids and names get their host's
// name, and the two ends of a connection between hosts are matched by their addresses and ports.
//
// Addresses are not unique: those of containers and private networks occur on many hosts,
// and they may be translated on the way. Two ends are matched only if no other ends fit,
// and a gap says what makes the match doubtful. Loopback addresses never leave their host.
//
// The snapshots were taken at different times, by clocks that differ. Connections on which
// nothing moved show how much the clocks differ (the argument of NTP: the other end received
// the last data after this end sent them). Everything here is a pure function of the snapshots.
package fleet
