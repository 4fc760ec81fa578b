// Command holder is the program of the fixtures' holders in tests: it runs roles and does
// nothing else, so it starts in a fraction of the time that a test program needs.
package main

import "github.com/ipctop/ipctop/testfixtures"

func main() { testfixtures.RunRole() }
