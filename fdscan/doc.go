// Package fdscan lists the readers of what processes hold through descriptors and
// mappings. The readers are in the packages below it, one file for each class of
// object: pipes, sockets, events (epoll and the other anonymous inodes), memory
// and files. This package has the limits that objects of several classes share.
//
// Kernel files read: /proc/sys/{fs,net,kernel}/*; the packages below name theirs.
// Minimum kernel: 4.4. Privilege: none for the limits.
//
// Errors: whatever cannot be read becomes a gap; what is not known stays absent.
package fdscan
