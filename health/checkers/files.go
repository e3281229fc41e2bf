package checkers

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/otelmon/otelmon-go/health"
)

// FileDescriptors checks the share of the files, sockets and pipes that the
// process may open (RLIMIT_NOFILE) and has open. By default 0.80 is degraded and
// 0.95 unhealthy. The details are fd.open and fd.limit. It works on Linux and
// macOS, and is unhealthy elsewhere. Without a limit it is healthy.
func FileDescriptors(l ShareLimits) func(context.Context) error {
	l = l.or(0.80, 0.95)
	if fault := shareFault(l); fault != "" {
		return broken("file descriptors", fault)
	}
	return func(ctx context.Context) error {
		open, limit, err := fileDescriptors()
		if err != nil {
			return fmt.Errorf("file descriptors: %w", err)
		}
		health.Detail(ctx, attribute.Int64("fd.open", clamp(open)), attribute.Int64("fd.limit", clamp(limit)))
		share := float64(open) / float64(max(limit, 1))
		return l.judge(share, fmt.Errorf("%d of %d file descriptors (%.1f %%) in use", open, limit, 100*share))
	}
}

// fromTheFuture is how far clocks may be apart before the date of a file is no
// longer believed.
const fromTheFuture = time.Minute

// FileAge checks the time since the newest of the files that match pattern (see
// [filepath.Match]) was written, such as a backup's. It is unhealthy without a
// file, and degraded by a date in the future, which would hide that nothing is
// written any more. There is no default limit. The details are file.newest, the
// name without its folder, and file.age in seconds. Folders don't count.
func FileAge(pattern string, l DurationLimits) func(context.Context) error {
	fault := l.fault()
	if _, err := filepath.Match(pattern, ""); err != nil {
		fault = "the pattern is malformed"
	}
	if fault != "" {
		return broken("file age", fault)
	}
	return func(ctx context.Context) error {
		newest, err := newestFile(ctx, pattern)
		if err != nil {
			return err
		}
		age := time.Since(newest.ModTime())
		health.Detail(ctx, attribute.String("file.newest", newest.Name()), attribute.Float64("file.age", age.Seconds()))
		if age < -fromTheFuture {
			return health.Degraded(fmt.Errorf("%s was written %v in the future", newest.Name(), -age.Round(time.Second)))
		}
		return l.judge(age, fmt.Errorf("%s is the newest and %v old", newest.Name(), age.Round(time.Second)))
	}
}

func newestFile(ctx context.Context, pattern string) (newest os.FileInfo, err error) {
	names, err := filepath.Glob(pattern)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		info, err := os.Stat(name)
		if err != nil || info.IsDir() {
			continue // it may just have been removed
		}
		if newest == nil || info.ModTime().After(newest.ModTime()) {
			newest = info
		}
	}
	if newest == nil {
		return nil, fmt.Errorf("no file is %s", pattern)
	}
	return newest, nil
}
