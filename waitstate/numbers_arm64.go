package waitstate

// oldCalls are those that this architecture does without.
var oldCalls map[int]string
