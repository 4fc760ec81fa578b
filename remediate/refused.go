package remediate

import "github.com/ipctop/ipctop/privilege"

// Refused says why nothing may be changed by this ipctop, "" if it may: with more
// rights than its user it was given them for looking.
func Refused() string { return privilege.Beyond() }
