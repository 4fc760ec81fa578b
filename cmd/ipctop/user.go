package main

import (
	"os"

	"github.com/ipctop/ipctop/privilege"
)

// openAsUser opens a file that the user names, with the user's own rights.
func openAsUser(name string) (f *os.File, err error) {
	err = privilege.AsUser(func() error {
		f, err = os.Open(name)
		return err
	})
	return f, err
}

// existsForUser reports whether the user may see that there is a file of that name.
func existsForUser(name string) bool {
	return privilege.AsUser(func() error {
		_, err := os.Lstat(name)
		return err
	}) == nil
}
