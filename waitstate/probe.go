package waitstate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

// Probe returns the probe that reads what each blocked thread waits for, and the futexes.
func Probe() probe.Probe {
	last := &earlier{sampled: map[int]sampled{}}
	return probe.Probe{
		Name:    "waits",
		Detail:  readDetail,
		Blocked: blockedAt,
		Waits: func(ctx context.Context, idx *probe.Index, out *probe.Collector) error {
			markFrozen(idx)
			if !decodable {
				return fmt.Errorf("%w: calls of this architecture are not decoded", errors.ErrUnsupported)
			}
			r := &pass{j: idx, out: out, earlier: last, threads: last.threads, visits: last.visits, found: map[*model.Process]string{}}
			r.firstSample(ctx)
			select {
			case <-time.After(idx.Scan.Sample()):
			case <-ctx.Done():
			}
			r.secondSample(ctx)
			index := r.resolve()
			r.lockedElsewhere(index)
			r.limits(ctx, index)
			r.kernelAdds(ctx, index)
			r.serving = r.servers(ctx)
			r.answers(ctx)
			r.futexes(index)
			r.report(index)
			r.keep(index)
			return ctx.Err()
		},
	}
}
