package remediate

import "github.com/ipctop/ipctop/privilege"

// Refused says why this ipctop may not change anything, "" if it may: if it has more
// rights than its user, it was given them only for reading.
func Refused() string { return privilege.Beyond() }
