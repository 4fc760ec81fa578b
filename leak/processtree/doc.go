// Package processtree keeps track of a command's descendants, and of the names of
// what they have open or mapped.
//
// It reads /proc/PID/task/TID/children (4.2, CONFIG_PROC_CHILDREN), /proc/PID/fd
// and /proc/PID/maps every few milliseconds. If the kernel reports forks
// (NETLINK_CONNECTOR, CONFIG_PROC_EVENTS, CAP_NET_ADMIN in the initial pid and user
// namespaces), no descendant is missed; otherwise descendants that live for less than
// about 10 ms may be missed. The caller must be the subreaper of its children
// (PR_SET_CHILD_SUBREAPER), otherwise orphans are lost. What cannot be read is left
// out: leak.Command.Complete says whether all descendants are known.
package processtree
