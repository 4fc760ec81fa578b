package modeltest

import (
	"syscall"
	"testing"
	"time"
)

// ReportCPU makes a benchmark report the processor time of an operation: on a busy machine
// this says more than the elapsed time. Work while the timer is stopped counts as well.
func ReportCPU(b *testing.B) {
	b.Helper()
	began := cpu()
	b.Cleanup(func() { b.ReportMetric((cpu()-began).Seconds()*1000/float64(max(b.N, 1)), "cpu-ms/op") })
}

func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
