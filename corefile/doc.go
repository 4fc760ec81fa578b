// Package corefile reads what a core file says about inter-process
// communication: which signal ended the process and who sent it, what its threads
// were blocked in, which memory it shared, and which locks it held (core(5)). It
// reads cores of amd64 and arm64 on any system. A core is untrusted data: nothing
// is allocated only because the core claims a size.
package corefile
