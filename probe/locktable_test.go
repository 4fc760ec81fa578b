package probe

import (
	"errors"
	"testing"
)

// A table that came in parts is read until two readings are the same. Lines that are
// repeated or missing in some readings are corrected by the others.
func TestSteadyLocks(t *testing.T) {
	const (
		one    = "1: POSIX  ADVISORY  WRITE 10 fe:00:1 0 EOF\n"
		waits  = "1: -> POSIX  ADVISORY  WRITE 11 fe:00:1 0 EOF\n"
		two    = "2: FLOCK  ADVISORY  READ 12 fe:00:2 0 EOF\n"
		same   = "3: FLOCK  ADVISORY  READ 12 fe:00:2 0 EOF\n" // another description of that process
		passer = "4: POSIX  ADVISORY  WRITE 13 fe:00:3 0 EOF\n"
		whole  = one + waits + two + same
	)
	for _, tt := range []struct {
		name     string
		parts    int
		readings []string
		want     string
	}{
		{"one part", 1, []string{whole}, whole},
		{"none", 0, []string{""}, ""},
		{"the same twice", 2, []string{whole, whole}, whole},
		{"came and stays", 2, []string{whole, whole + passer, whole + passer}, whole + passer},
		{"settled late", 3, []string{two, one, whole, whole}, whole},
		{"repeated", 2, []string{whole + "4" + one[1:] + "4" + waits[1:], whole, passer + whole, whole, whole + same}, whole},
		{"left out", 2, []string{whole, two + same, whole + passer, one + waits, whole}, whole},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := 0
			got, steady, err := steadyLocks(func() ([]byte, int, error) {
				n++
				return []byte(tt.readings[n-1]), tt.parts, nil
			})
			if string(got) != tt.want || err != nil || n != len(tt.readings) || steady != (n < lockReadings) {
				t.Errorf("after %d readings, steady %v: %v\n%s\nwant\n%s", n, steady, err, got, tt.want)
			}
		})
	}
	gone := errors.New("gone")
	if _, _, err := steadyLocks(func() ([]byte, int, error) { return nil, 0, gone }); !errors.Is(err, gone) {
		t.Error(err)
	}
}
