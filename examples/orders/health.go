package main

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/otelmon/otelmon-go/health"
	"github.com/otelmon/otelmon-go/health/checkers"
)

// runbooks are the pages that alerts link to.
const runbooks = "https://github.com/otelmon/otelmon-go/blob/main/docs/runbooks/"

// checks are about the connections that requests use. Only what no order can be
// taken without is critical.
func (s *store) checks(interval time.Duration) []health.Check {
	checks := []health.Check{
		{Name: "postgres", Func: checkers.Ping(s.db), Critical: true, Runbook: runbooks + "postgres.md"},
		{Name: "orders", Func: s.check, Critical: true, DependsOn: []string{"postgres"}, Runbook: runbooks + "postgres.md"},
		{Name: "redis", Func: func(ctx context.Context) error { return s.cache.Ping(ctx).Err() }, Runbook: runbooks + "redis.md"},
		{Name: "disk", Func: checkers.DiskSpace(".", checkers.DiskSpaceOptions{})},
		{Name: "memory", Func: checkers.Memory(checkers.MemoryOptions{}), Scope: health.Internal},
	}
	for i := range checks {
		checks[i].Interval, checks[i].Timeout, checks[i].Fall, checks[i].Rise = interval, queryTimeout, 2, 2
	}
	return checks
}

// check is the health of the table. A ping would not notice that it is gone.
func (s *store) check(ctx context.Context) error {
	if err := s.create(ctx); err != nil {
		return err
	}
	var newest int64
	err := s.db.QueryRow(ctx, `SELECT coalesce(max(id), 0) FROM orders`).Scan(&newest)
	health.Detail(ctx, attribute.Int64("orders.newest", newest))
	return err
}
