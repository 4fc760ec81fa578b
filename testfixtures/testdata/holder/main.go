// Command holder is what holders of fixtures run in tests: it takes roles and does nothing
// else, and so it starts in a fraction of the time that a test program needs.
package main

import "github.com/ipctop/ipctop/testfixtures"

func main() { testfixtures.RunRole() }
