package testfixtures

import "strconv"

// needsNamespaces is what a fixture in its own namespaces needs. Its holder is cloned with
// CLONE_NEWIPC and CLONE_NEWNET and makes its objects in them. They disappear with the last process.
const needsNamespaces = "CAP_SYS_ADMIN (to make namespaces)"

// inNamespace is the id of an object in a namespace other than the scanner's.
func inNamespace(id string, ns uint64) string { return id + "@" + strconv.FormatUint(ns, 10) }
