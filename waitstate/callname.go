package waitstate

// CallName is the name of a system call in which threads block, by its number; "" of others,
// and on architectures whose calls are not known.
func CallName(number int64) string { return callNames[int(number)] }
