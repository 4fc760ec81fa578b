// Package container tells which container and unit a process is in, by its control
// group, and what the container, its pod and the pod's namespace are called, by the
// files that runtimes and the kubelet write.
//
// Nothing is asked over a socket or the network. A runtime's file is opened only
// where that leaves no trace (O_NOATIME), and only if its path leads through no
// symbolic link and no file system that may not answer.
//
// Files read: /var/log/{containers,pods}, /var/lib/docker/containers,
// /run/containerd, /run/k3s/containerd, /run/containers/storage,
// /var/lib/containers/storage. Minimum kernel: 5.6 for names (openat2(2)).
// Privilege: none to identify the container; root to read the names.
//
// Errors: if a file cannot be read, the container stays without its name.
package container
