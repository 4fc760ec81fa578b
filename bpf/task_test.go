package bpf

import "testing"

func TestTaskState(t *testing.T) {
	for _, c := range []struct {
		state, exit uint32
		want        byte
	}{
		{0, 0, 'R'},
		{0x1, 0, 'S'},
		{0x2, 0, 'D'},
		{0x102, 0, 'D'},   // TASK_KILLABLE
		{0x4, 0, 'T'},     // __TASK_STOPPED
		{0x104, 0, 'T'},   // TASK_STOPPED
		{0x8, 0, 't'},     // __TASK_TRACED
		{0x80, 0x20, 'Z'}, // TASK_DEAD, EXIT_ZOMBIE
		{0x80, 0x10, 'X'},
		{0x40, 0, 'P'},
		{0x402, 0, 'I'},
		{0x2001, 0, 'S'}, // TASK_FREEZABLE
		{0x8000, 0, 'D'}, // TASK_FROZEN
		{0x1000, 0, 'D'}, // TASK_RTLOCK_WAIT
	} {
		if got := taskState(c.state, c.exit); got != c.want {
			t.Errorf("taskState(%#x, %#x) is %c, want %c", c.state, c.exit, got, c.want)
		}
	}
}
