package checkers

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/attribute"

	"github.com/otelmon/otelmon-go/health"
)

// DiskSpaceOptions are the thresholds of [DiskSpace]: the check is degraded or
// unhealthy below either of the two. A zero threshold is not judged, but if all
// four are zero, DegradedRatio is 0.10 and UnhealthyRatio is 0.03.
type DiskSpaceOptions struct {
	DegradedBytes  uint64  // free bytes
	UnhealthyBytes uint64  // free bytes
	DegradedRatio  float64 // free share of the file system, from 0 to 1
	UnhealthyRatio float64 // free share of the file system, from 0 to 1
}

func (o DiskSpaceOptions) withDefaults() DiskSpaceOptions {
	if o == (DiskSpaceOptions{}) {
		o.DegradedRatio, o.UnhealthyRatio = 0.10, 0.03
	}
	return o
}

func (o DiskSpaceOptions) fault() string {
	switch {
	case !isShare(o.DegradedRatio), !isShare(o.UnhealthyRatio):
		return "a ratio must lie between 0 and 1"
	case o.DegradedRatio != 0 && o.DegradedRatio < o.UnhealthyRatio,
		o.DegradedBytes != 0 && o.DegradedBytes < o.UnhealthyBytes:
		return "degraded must begin before unhealthy"
	}
	return ""
}

// DiskSpace checks the space that an unprivileged process has left on the file
// system of path. Its details are disk.free in bytes and disk.free_ratio. It
// works on Linux, macOS and Windows, and is unhealthy elsewhere. A dead network
// mount blocks the system call, which the check's Timeout bears.
func DiskSpace(path string, o DiskSpaceOptions) func(context.Context) error {
	o = o.withDefaults()
	if fault := o.fault(); fault != "" {
		return broken("disk space", fault)
	}
	return func(ctx context.Context) error {
		free, total, err := diskSpace(path)
		if err != nil {
			return fmt.Errorf("disk space of %s: %w", path, err)
		}
		return o.judge(ctx, free, total)
	}
}

func (o DiskSpaceOptions) judge(ctx context.Context, free, total uint64) error {
	if total == 0 {
		return fmt.Errorf("the file system has no size")
	}
	ratio := float64(free) / float64(total)
	health.Detail(ctx, attribute.Int64("disk.free", clamp(free)), attribute.Float64("disk.free_ratio", ratio))
	err := fmt.Errorf("%d bytes (%.1f %%) free", free, 100*ratio)
	switch {
	case free < o.UnhealthyBytes, ratio < o.UnhealthyRatio:
		return err
	case free < o.DegradedBytes, ratio < o.DegradedRatio:
		return health.Degraded(err)
	}
	return nil
}

// Inodes checks the share of the file system's inodes that is used: without one
// left no file can be made, however much space is free. By default 0.90 is
// degraded and 0.97 unhealthy. The details are disk.inodes.free and
// disk.inodes.used_ratio. It works on Linux and macOS, and is unhealthy elsewhere.
// A file system that sets no limit, such as btrfs, is healthy.
func Inodes(path string, l ShareLimits) func(context.Context) error {
	l = l.or(0.90, 0.97)
	if fault := shareFault(l); fault != "" {
		return broken("inodes", fault)
	}
	return func(ctx context.Context) error {
		free, total, err := inodes(path)
		if err != nil {
			return fmt.Errorf("inodes of %s: %w", path, err)
		}
		if total == 0 {
			return nil
		}
		used := 1 - float64(free)/float64(total)
		health.Detail(ctx, attribute.Int64("disk.inodes.free", clamp(free)), attribute.Float64("disk.inodes.used_ratio", used))
		return l.judge(used, fmt.Errorf("%d of %d inodes (%.1f %%) free", free, total, 100*float64(free)/float64(total)))
	}
}

// clamp makes n fit where OpenTelemetry has no unsigned numbers.
func clamp(n uint64) int64 { return int64(min(n, 1<<63-1)) }
