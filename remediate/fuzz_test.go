package remediate

import "testing"

func FuzzParseStartTicks(f *testing.F) {
	f.Add([]byte("7 (a) b) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 0"))
	f.Fuzz(func(_ *testing.T, b []byte) { _, _ = parseStartTicks(b) })
}

func FuzzParseSysv(f *testing.F) {
	f.Add([]byte("       key      shmid perms\n      1234          7  1600\n"))
	f.Fuzz(func(_ *testing.T, b []byte) { _, _ = parseSysv(b, "shmid", 7) })
}
