package checkers

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"runtime/metrics"

	"go.opentelemetry.io/otel/attribute"

	"github.com/otelmon/otelmon-go/health"
)

// MemoryOptions are the thresholds of [Memory], as used share of a limit, from
// 0 to 1. A zero one means its default.
type MemoryOptions struct {
	DegradedRatio  float64 // default 0.90
	UnhealthyRatio float64 // default 0.97
}

func (o MemoryOptions) withDefaults() MemoryOptions {
	if o.DegradedRatio == 0 {
		o.DegradedRatio = 0.90
	}
	if o.UnhealthyRatio == 0 {
		o.UnhealthyRatio = 0.97
	}
	return o
}

func (o MemoryOptions) fault() string {
	switch {
	case !isShare(o.DegradedRatio), !isShare(o.UnhealthyRatio):
		return "a ratio must lie between 0 and 1"
	case o.DegradedRatio > o.UnhealthyRatio:
		return "degraded must begin before unhealthy"
	}
	return ""
}

// Memory checks how much of its memory limits the process has used; the worse
// share decides.
//
//   - The control group's limit (v1 or v2, Linux), its own or that of a group
//     above it, against what the kernel could not reclaim: usage without
//     inactive page cache. Reaching it means being killed.
//   - GOMEMLIMIT, against what the Go runtime can't give back: the live heap of
//     the last garbage collection, stacks and overhead. Garbage doesn't count,
//     for a heap that grows up to the limit between collections is meant to.
//     Reaching it means collecting without end.
//
// The details are memory.cgroup.used and .limit, memory.go.used and .limit, in
// bytes. With no limit there is nothing to judge and the check is healthy; a
// limit that can't be read degrades it. The figures come from the control
// group's files and runtime/metrics; the world is not stopped.
func Memory(o MemoryOptions) func(context.Context) error {
	o = o.withDefaults()
	if fault := o.fault(); fault != "" {
		return broken("memory", fault)
	}
	root := os.DirFS("/")
	return func(ctx context.Context) error { return o.check(ctx, root, goMemory) }
}

func (o MemoryOptions) check(ctx context.Context, root fs.FS, goMemory func() (used, limit uint64)) error {
	used, limit := goMemory()
	err := o.judge(ctx, "memory.go", used, limit)
	group, cgroupErr := tightestCgroup(root)
	if cgroupErr != nil {
		return errors.Join(err, health.Degraded(fmt.Errorf("memory of the control group: %w", cgroupErr)))
	}
	return errors.Join(err, o.judge(ctx, "memory.cgroup", group.used, group.limit))
}

// judge compares one limit; math.MaxUint64 is none.
func (o MemoryOptions) judge(ctx context.Context, name string, used, limit uint64) error {
	health.Detail(ctx, attribute.Int64(name+".used", clamp(used)))
	if limit == math.MaxUint64 {
		return nil
	}
	health.Detail(ctx, attribute.Int64(name+".limit", clamp(limit)))
	ratio := float64(used) / float64(max(limit, 1))
	err := fmt.Errorf("%s: %d of %d bytes (%.1f %%) used", name, used, limit, 100*ratio)
	switch {
	case ratio >= o.UnhealthyRatio:
		return err
	case ratio >= o.DegradedRatio:
		return health.Degraded(err)
	}
	return nil
}

// goMemory returns what the runtime needs at least and what GOMEMLIMIT grants.
func goMemory() (used, limit uint64) {
	samples := []metrics.Sample{
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
		{Name: "/memory/classes/heap/unused:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/gc/heap/live:bytes"},
		{Name: "/gc/gomemlimit:bytes"},
	}
	metrics.Read(samples)
	used = samples[0].Value.Uint64()
	for _, reclaimable := range samples[1:5] {
		used -= min(used, reclaimable.Value.Uint64())
	}
	limit = samples[6].Value.Uint64()
	if limit >= math.MaxInt64 {
		limit = math.MaxUint64
	}
	return used + samples[5].Value.Uint64(), limit
}
