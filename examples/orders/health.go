package main

import (
	"context"
	"net"
	"net/http"
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
	return []health.Check{
		{
			Name: "postgres", Func: checkers.Ping(s.db), Critical: true, Runbook: runbooks + "postgres.md",
			Interval: interval, Timeout: queryTimeout, Fall: 2, Rise: 2,
		},
		{
			Name: "orders", Func: s.count, Critical: true, Runbook: runbooks + "postgres.md",
			Interval: interval, Timeout: queryTimeout, Fall: 2, Rise: 2, DependsOn: []string{"postgres"},
		},
		{
			Name: "redis", Func: func(ctx context.Context) error { return s.cache.Ping(ctx).Err() }, Runbook: runbooks + "redis.md",
			Interval: interval, Timeout: queryTimeout, Fall: 2, Rise: 2,
		},
		{Name: "disk", Func: checkers.DiskSpace(".", checkers.DiskSpaceOptions{}), Interval: interval},
		{Name: "memory", Func: checkers.Memory(checkers.MemoryOptions{}), Interval: interval, Scope: health.Internal},
	}
}

// count is the health of the table. A ping would not notice that it is gone.
func (s *store) count(ctx context.Context) error {
	if err := s.create(ctx); err != nil {
		return err
	}
	var id int64
	if err := s.db.QueryRow(ctx, `SELECT coalesce(max(id), 0) FROM orders`).Scan(&id); err != nil {
		return err
	}
	health.Detail(ctx, attribute.Int64("orders.newest", id))
	return nil
}

// fromHere lets details be seen on this machine only.
func fromHere(r *http.Request) bool {
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
