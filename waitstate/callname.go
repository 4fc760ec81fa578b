package waitstate

import "strings"

// CallName returns the name of a system call in which threads block, by its number; "" for other
// calls, and on architectures whose calls are not known.
func CallName(number int64) string { return callNames[int(number)] }

// CallName32 is [CallName] for a 32-bit program. Calls that contain several others (ipc(2),
// socketcall(2)) have their own names.
func CallName32(number int64) string {
	name := commonCalls32[int(number)]
	if name == "" {
		name = archCalls32[int(number)]
	}
	return strings.TrimSuffix(strings.TrimPrefix(name, "old "), "_time64")
}
