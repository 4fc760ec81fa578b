package waitstate

// oldCalls is empty: this architecture does not have the old calls.
var oldCalls map[int]string
