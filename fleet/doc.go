// Package fleet makes one snapshot of the snapshots of several hosts: what belongs to a
// host is named after it, and the two ends of a connection between hosts are matched by
// their addresses and ports.
//
// Addresses are not unique: those of containers and private networks occur on many hosts,
// and on the way they may be translated. Two ends are taken for each other only where no
// others could be, and what speaks against it is said in a gap. Loopback addresses never
// leave their host.
//
// The snapshots were taken at different times, by clocks that differ. Connections on which
// nothing has moved tell how much the clocks differ (ntp's argument: what one end sent
// last, the other received last, and later). All is a pure function of the snapshots.
package fleet
