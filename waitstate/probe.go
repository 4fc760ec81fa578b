package waitstate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ipctop/ipctop/probe"
)

// Probe reads what each blocked thread waits for, and the futexes among that.
func Probe() probe.Probe {
	var last earlier
	return probe.Probe{
		Name:   "waits",
		Closer: lookCloser,
		Waits: func(ctx context.Context, j *probe.Joined, out *probe.Out) error {
			markFrozen(j)
			if !decodable {
				return fmt.Errorf("%w: calls of this architecture are not decoded", errors.ErrUnsupported)
			}
			r := &round{j: j, out: out, earlier: last}
			r.firstLook(ctx)
			select {
			case <-time.After(j.Scan.Sample()):
			case <-ctx.Done():
			}
			r.secondLook(ctx)
			index := r.resolve()
			r.limits(ctx, index)
			r.futexes(index)
			r.report(index)
			last = r.remember()
			return ctx.Err()
		},
	}
}
